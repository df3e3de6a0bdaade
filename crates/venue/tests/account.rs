//! Signing in, with the venue's published signatures as the judge.
#![cfg(feature = "sign")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{Rig, STREAM};
use serde_json::{Value, json};
use tickwire_venue::binance::{Binance, Config, Snapshots, Stream};
use tickwire_venue::sign::{ApiKey, Credentials, SigningKey};
use tickwire_venue::{BookChange, ConfigError, Error, Event, Outcome, Rejection, Request, Route, Session};

/// Seed 00 01 .. 1f in PKCS #8.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";
/// A dummy that the venue's documentation signs with.
const DOCUMENTED_KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
const DOCUMENTED_SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
const TIMESTAMP_MS: u64 = 1_649_729_878_532;

const API: Route = Route::first(0);

fn account(name: &str, key: SigningKey) -> Config {
    let credentials = Credentials { api_key: ApiKey::new(name).unwrap(), key };
    Config { account: Some(Arc::new(credentials)), ..Config::spot() }
}

fn rig(config: Config) -> Rig {
    let mut rig = Rig::new(config);
    rig.unix_ns = TIMESTAMP_MS * 1_000_000;
    rig.open(API);
    rig
}

fn with_ed25519() -> Rig {
    rig(account("TESTKEY", SigningKey::ed25519_pem(ED25519).unwrap()))
}

fn with_hmac() -> Rig {
    rig(account(DOCUMENTED_KEY, SigningKey::hmac(DOCUMENTED_SECRET).unwrap()))
}

fn sent(rig: &mut Rig) -> Value {
    let (route, request) = rig.sent.pop_front().expect("a request");
    assert_eq!(route, API);
    request
}

fn answer(rig: &mut Rig, request: &Value, result: Value) -> Vec<Event<'static>> {
    let answer = json!({"id": request["id"], "status": 200, "result": result});
    rig.feed(API, &answer.to_string()).unwrap()
}

#[test]
fn an_ed25519_key_logs_the_connection_on_and_then_subscribes() {
    let mut rig = with_ed25519();
    let logon = sent(&mut rig);
    assert_eq!(logon["method"], "session.logon");
    assert_eq!(
        logon["params"],
        json!({
            "apiKey": "TESTKEY",
            "timestamp": TIMESTAMP_MS,
            "signature": "3BBZpxaXdu86VNZwA7CZdVtOdv6ve02vtGmSnc+0qoCNiV3prEiQnebhAdUfF6aTCoMQc78K0RvQtgKGY7wgDw==",
        })
    );
    assert!(answer(&mut rig, &logon, json!({"apiKey": "TESTKEY", "authorizedSince": 1})).is_empty());
    let subscribe = sent(&mut rig);
    assert_eq!(subscribe["method"], "userDataStream.subscribe");
    assert!(subscribe.get("params").is_none());
    assert_eq!(answer(&mut rig, &subscribe, json!({"subscriptionId": 0})), [Event::SignedIn]);
    assert_eq!(rig.session.next_deadline(), None);
}

#[test]
fn another_key_signs_the_subscription() {
    let mut rig = with_hmac();
    let subscribe = sent(&mut rig);
    assert_eq!(subscribe["method"], "userDataStream.subscribe.signature");
    assert_eq!(
        subscribe["params"],
        json!({
            "apiKey": DOCUMENTED_KEY,
            "timestamp": TIMESTAMP_MS,
            "signature": "1cf54395b336b0a9727ef27d5d98987962bc47aca6e13fe978612d0adee066ed",
        })
    );
    assert_eq!(answer(&mut rig, &subscribe, json!({"subscriptionId": 0})), [Event::SignedIn]);
}

#[test]
fn events_of_the_account_tell_kind_and_time() {
    let mut rig = with_hmac();
    let request = sent(&mut rig);
    answer(&mut rig, &request, json!({"subscriptionId": 0}));
    let event =
        json!({"subscriptionId": 0, "event": {"e": "executionReport", "E": 1_700_000_000_000_u64, "s": "A"}});
    let told = rig.feed(API, &event.to_string()).unwrap();
    let venue_time_ns = Some(1_700_000_000_000_000_000);
    assert_eq!(told, [Event::Account { kind: "executionReport", venue_time_ns }]);
}

#[test]
fn a_stream_that_the_venue_ends_is_asked_for_again() {
    let mut rig = with_hmac();
    let request = sent(&mut rig);
    answer(&mut rig, &request, json!({"subscriptionId": 0}));
    let ended = json!({"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}});
    assert_eq!(rig.feed(API, &ended.to_string()).unwrap().len(), 1);
    assert!(rig.sent.is_empty());
    rig.pass(Duration::from_millis(500));
    assert_eq!(sent(&mut rig)["method"], "userDataStream.subscribe.signature");
}

#[test]
fn a_refusal_is_final_unless_it_passes() {
    let mut rig = with_hmac();
    let request = sent(&mut rig);
    let refuse = |rig: &mut Rig, request: &Value, status: u64, code: i64| {
        let error = json!({"code": code, "msg": "no"});
        rig.feed(API, &json!({"id": request["id"], "status": status, "error": error}).to_string()).unwrap()
    };
    let until = rig.now + Duration::from_millis(500);
    let rejection = |code, outcome| {
        let (request, message) = (Request::SignIn, "no");
        Event::Rejected(Rejection { request, instrument: None, code, message, outcome })
    };
    let busy = refuse(&mut rig, &request, 503, -1008);
    assert_eq!(busy, [rejection(-1008, Outcome::Retry(until))]);
    rig.pass(Duration::from_millis(500));
    let request = sent(&mut rig);
    assert_eq!(refuse(&mut rig, &request, 401, -2015), [rejection(-2015, Outcome::Final)]);
    rig.pass(Duration::from_secs(3600));
    assert!(rig.sent.is_empty());
}

/// A refusal for too many requests, with a time before which the venue wants none.
fn too_many(rig: &mut Rig, request: &Value, server_ms: u64, retry_ms: u64) -> Outcome {
    let error =
        json!({"code": -1003, "msg": "no", "data": {"serverTime": server_ms, "retryAfter": retry_ms}});
    let answer = json!({"id": request["id"], "status": 429, "error": error});
    let route = Route::first(rig.session.endpoints().len() - 1);
    let told = rig.feed(route, &answer.to_string()).unwrap();
    let [Event::Rejected(rejection)] = &told[..] else { panic!("{told:?}") };
    rejection.outcome
}

#[test]
fn a_time_that_is_over_still_delays_the_next_request_each_time_longer() {
    let mut rig = with_hmac();
    for delay in [500, 1000, 2000].map(Duration::from_millis) {
        let request = sent(&mut rig);
        let until = rig.now + delay;
        assert_eq!(too_many(&mut rig, &request, TIMESTAMP_MS, TIMESTAMP_MS - 1), Outcome::Retry(until));
        rig.pass(delay - Duration::from_millis(1));
        assert!(rig.sent.is_empty(), "before {delay:?}");
        rig.pass(Duration::from_millis(1));
    }
}

#[test]
fn a_sign_in_that_worked_forgets_the_delays_before_it() {
    let mut rig = with_hmac();
    for delay in [500, 1000] {
        let request = sent(&mut rig);
        too_many(&mut rig, &request, TIMESTAMP_MS, TIMESTAMP_MS);
        rig.pass(Duration::from_millis(delay));
    }
    let request = sent(&mut rig);
    answer(&mut rig, &request, json!({"subscriptionId": 0}));
    let ended = json!({"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}});
    rig.feed(API, &ended.to_string()).unwrap();
    rig.pass(Duration::from_millis(500));
    sent(&mut rig);
}

#[test]
fn a_ban_is_no_longer_than_the_venue_bans() {
    let mut rig = with_hmac();
    let request = sent(&mut rig);
    let until = rig.now + Duration::from_secs(3 * 24 * 3600);
    assert_eq!(too_many(&mut rig, &request, 0, u64::MAX), Outcome::Retry(until));
}

#[test]
fn too_many_requests_of_the_account_hold_the_snapshots_of_the_same_address() {
    let books = vec![Stream::Depth { ms: 100 }];
    let config = account("K", SigningKey::hmac("secret").unwrap());
    let mut rig = Rig::new(Config { symbols: vec!["ABC".into()], streams: books, ..config });
    rig.open(Route::first(1));
    let (_, request) = rig.sent.pop_front().unwrap();
    too_many(&mut rig, &request, TIMESTAMP_MS, TIMESTAMP_MS + 30_000);
    rig.open(STREAM);
    rig.confirm();
    assert!(rig.asked().is_none(), "a snapshot while the address is to ask for nothing");
    rig.pass(Duration::from_secs(30));
    assert!(rig.asked().is_some());
}

#[test]
fn a_snapshot_under_way_by_http_outlives_the_connection_of_the_account() {
    let books = vec![Stream::Depth { ms: 100 }];
    let config = account("K", SigningKey::hmac("secret").unwrap());
    let symbols = vec!["ABC".into()];
    let mut rig = Rig::confirmed(Config { symbols, streams: books, snapshots: Snapshots::Rest, ..config });
    let (id, _) = rig.fetches.pop_front().unwrap();
    rig.close(Route::first(1));
    assert!(rig.fetches.is_empty(), "asked for again");
    let told = rig.fetched(id, 200, r#"{"lastUpdateId":10,"bids":[],"asks":[]}"#);
    assert_eq!(common::changes(&told), [BookChange::Synced { update_id: 10 }]);
}

#[test]
fn being_signed_out_is_told() {
    let mut rig = with_hmac();
    let request = sent(&mut rig);
    answer(&mut rig, &request, json!({"subscriptionId": 0}));
    let revoked = json!({"id": null, "status": 401, "error": {"code": -2015, "msg": "revoked"}});
    let told = rig.feed(API, &revoked.to_string()).unwrap();
    assert!(matches!(&told[..], [Event::Rejected(r)] if r.request == Request::SignIn), "{told:?}");
}

#[test]
fn a_request_without_an_answer_is_signed_anew() {
    let mut rig = with_ed25519();
    let first = sent(&mut rig);
    let told = rig.pass(Duration::from_secs(10));
    assert_eq!(told, [Event::Unanswered { request: Request::SignIn, instrument: None }]);
    let second = sent(&mut rig);
    assert_eq!(second["method"], "session.logon");
    assert_ne!(first["id"], second["id"]);
    rig.close(API);
    assert_eq!(rig.session.next_deadline(), None);
    rig.open(API);
    assert_eq!(sent(&mut rig)["method"], "session.logon");
}

#[test]
fn an_account_is_followed_beside_a_market() {
    let config = account("K", SigningKey::hmac("secret").unwrap());
    let mut rig =
        Rig::new(Config { symbols: vec!["ABC".into()], streams: vec![Stream::Trade], ..config.clone() });
    rig.open(STREAM);
    rig.open(Route::first(1));
    let methods: Vec<_> = rig.sent.iter().map(|(_, sent)| sent["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["SUBSCRIBE", "userDataStream.subscribe.signature"]);
    let futures = Config {
        account: config.account,
        symbols: vec!["ABC".into()],
        streams: vec![Stream::Trade],
        ..Config::usd_m()
    };
    assert_eq!(Binance::new(futures).unwrap_err(), Error::Config(ConfigError::AccountOfSpot));
}

#[test]
fn nothing_shows_the_keys() {
    let config = account(DOCUMENTED_KEY, SigningKey::hmac(DOCUMENTED_SECRET).unwrap());
    let shown = format!("{config:?} {:?}", rig(config.clone()).session);
    assert!(!shown.contains(DOCUMENTED_KEY) && !shown.contains(DOCUMENTED_SECRET), "{shown}");
}
