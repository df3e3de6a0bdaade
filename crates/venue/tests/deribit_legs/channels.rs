//! All other channels of several connections, and what the connections themselves need.

use super::*;

fn trade(instrument: &str, sequence: u64) -> Value {
    json!({
        "trade_seq": sequence, "trade_id": "1", "timestamp": 1_700_000_000_000_u64, "price": 1.5, "amount": 1.0,
        "instrument_name": instrument, "direction": "buy",
    })
}

fn ids(told: &[Event<'_>]) -> Vec<u64> {
    told.iter()
        .map(|event| if let Event::Trade(trade) = event { trade.id } else { panic!("{event:?}") })
        .collect()
}

#[test]
fn trades_are_told_once_and_what_is_missing_is_told_by_instrument() {
    const TRADES: &str = "trades.future.any.100ms";
    let mut rig = Rig::new(Config { more: vec![TRADES.into()], ..Config::default() });
    join(&mut rig, 0);
    join(&mut rig, 1);
    let tell = |rig: &mut Rig, at, trades: &[Value]| rig.notify_on(at, TRADES, &json!(trades));
    assert_eq!(ids(&tell(&mut rig, 0, &[trade("A", 7), trade("B", 100), trade("A", 8)])), [7, 100, 8]);
    assert_eq!(tell(&mut rig, 1, &[trade("A", 7), trade("B", 100)]), []);
    // Cut into messages otherwise, and one is new.
    assert_eq!(ids(&tell(&mut rig, 1, &[trade("A", 8), trade("A", 9)])), [9]);
    // The first misses 101 of B, the second brings it.
    assert_eq!(tell(&mut rig, 0, &[trade("A", 9), trade("B", 102)]), []);
    assert_eq!(ids(&tell(&mut rig, 1, &[trade("B", 101), trade("B", 102)])), [101, 102]);
    // Both miss 103.
    assert_eq!(tell(&mut rig, 0, &[trade("B", 104)]), []);
    let told = tell(&mut rig, 1, &[trade("B", 104)]);
    let instrument = Some(rig.find("B"));
    assert_eq!(told[0], Event::Gap(Gap { stream: TRADES, instrument, after: 102, through: 103 }));
    assert_eq!(ids(&told[1..]), [104]);
}

#[test]
fn what_has_a_time_is_told_once_and_several_of_one_time_each() {
    let mut rig = Rig::new(config(&["A"], &[Channel::Quote]));
    join(&mut rig, 0);
    join(&mut rig, 1);
    let quote = |time: u64, bid: f64| json!({"timestamp": time, "instrument_name": "A", "best_bid_price": bid, "best_bid_amount": 1.0});
    let mut told = |at, time, bid| match rig.notify_on(at, "quote.A", &quote(time, bid)).as_slice() {
        [] => None,
        [Event::Quote(quote)] => Some(quote.bid.unwrap().price.to_f64()),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(0, 1, 1.0), Some(1.0));
    assert_eq!(told(0, 1, 2.0), Some(2.0));
    // It begins with what stands, which is no update, be it told as of now or as of then.
    assert_eq!(told(1, 1, 2.0), None);
    assert_eq!(told(0, 2, 3.0), Some(3.0));
    assert_eq!(told(1, 2, 3.0), None);
    assert_eq!(told(1, 3, 4.0), Some(4.0));
    assert_eq!(told(1, 3, 5.0), Some(5.0));
    assert_eq!(told(0, 3, 4.0), None);
    assert_eq!(told(0, 3, 5.0), None);
    assert_eq!(told(0, 3, 6.0), Some(6.0));
    assert_eq!(told(1, 3, 6.0), None);
}

#[test]
fn what_a_connection_brings_late_that_took_over_in_silence_is_old() {
    let mut rig = Rig::new(config(&["A"], &[BOOK, Channel::Quote]));
    let quote = |time: u64| notification("quote.A", &json!({"timestamp": time, "instrument_name": "A"}));
    join(&mut rig, 0);
    rig.notify_on(0, CHANNEL, &snapshot(15));
    for time in [9, 10] {
        assert_eq!(rig.tell_on(0, &quote(time)).len(), 1);
    }
    join(&mut rig, 1);
    assert_eq!(rig.close_on(0, Ending::InOrder), []);
    assert_eq!(rig.tell_on(1, &quote(9)), []);
    assert_eq!(rig.tell_on(1, &quote(10)), []);
    assert!(matches!(rig.tell_on(1, &quote(11))[..], [Event::Quote(_)]), "and no gap");
    assert_eq!(rig.notify_on(1, CHANNEL, &snapshot(10)), []);
    silent(&mut rig, 1, 10, 15);
    continues(&mut rig, 1, 15, 20);

    // One that lags behind the stream can hand nothing over.
    join(&mut rig, 0);
    assert_eq!(rig.tell_on(0, &quote(10)), []);
    join(&mut rig, 2);
    assert_eq!(rig.close_on(0, Ending::InOrder), []);
    rig.close_on(1, Ending::Lost);
    let told = rig.tell_on(2, &quote(15));
    let ms = 1_000_000;
    let gap = Gap { stream: "quote.A", instrument: None, after: 11 * ms, through: 15 * ms - 1 };
    assert_eq!(told[0], Event::Gap(gap));
    assert_eq!(told.len(), 2);
}

#[test]
fn what_names_no_order_is_told_once_by_its_text() {
    let credentials = Some(Credentials::Refresh { token: String::from("t").into() });
    let more = vec!["user.lock".into(), "announcements".into(), "platform_state".into()];
    let candles = Channel::ChartTrades { resolution: tickwire_venue::deribit::Resolution::Minutes1 };
    let mut rig = Rig::new(Config { credentials, more, ..config(&["A"], &[candles]) });
    join(&mut rig, 0);
    join(&mut rig, 1);
    let candle = |close: f64| json!({"volume": 1.0, "tick": 60_000, "open": 1.0, "low": 1.0, "high": 9.0, "cost": 1.0, "close": close});
    let texts = [
        notification("chart.trades.A.1", &candle(2.0)),
        notification("chart.trades.A.1", &candle(3.0)),
        notification("user.lock", &json!({"locked": true})),
        notification("announcements", &json!({"id": 1, "title": "A title"})),
        notification("platform_state", &json!({"price_index": "a", "locked": true})),
    ];
    for text in &texts {
        assert_eq!(rig.tell_on(0, text).len(), 1, "{text}");
        assert_eq!(rig.tell_on(1, text), [], "{text}");
    }
    // What comes again is another one.
    assert_eq!(rig.tell_on(1, &texts[1]).len(), 1);
    assert_eq!(rig.tell_on(0, &texts[1]), []);
    // A fresh connection brings nothing of before.
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 1);
    assert_eq!(rig.tell_on(1, &texts[1]).len(), 1);
}

#[test]
fn an_incremental_ticker_is_merged_of_what_is_news() {
    let mut rig = Rig::new(config(&["A"], &[Channel::IncrementalTicker]));
    join(&mut rig, 0);
    join(&mut rig, 1);
    let message = |time: u64, kind: &str, fields: Value| {
        let mut data = json!({"type": kind, "timestamp": time, "instrument_name": "A"});
        data.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        data
    };
    let mut told = |at, time, kind, fields: Value| {
        let told = rig.notify_on(at, "incremental_ticker.A", &message(time, kind, fields));
        let number = |ticker: &Ticker| {
            (ticker.last.map(|last| last.to_f64()), ticker.open_interest.map(|open| open.to_f64()))
        };
        match told.as_slice() {
            [] => None,
            [Event::Ticker(ticker)] => Some(number(ticker)),
            other => panic!("{other:?}"),
        }
    };
    let whole = |last: f64, open: f64| json!({"last_price": last, "open_interest": open});
    assert_eq!(told(0, 10, "snapshot", whole(1.0, 5.0)), Some((Some(1.0), Some(5.0))));
    assert_eq!(told(0, 11, "change", json!({"last_price": 2.0})), Some((Some(2.0), Some(5.0))));
    // The whole of a fresh connection: behind, it changes nothing.
    assert_eq!(told(1, 10, "snapshot", whole(1.0, 5.0)), None);
    assert_eq!(told(1, 11, "change", json!({"last_price": 2.0})), None);
    assert_eq!(told(1, 12, "change", json!({"open_interest": 6.0})), Some((Some(2.0), Some(6.0))));
    assert_eq!(told(0, 12, "change", json!({"open_interest": 6.0})), None);
    // Beyond, it stands for what the others have not brought yet.
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 1);
    let mut told = |at, time, kind, fields: Value| {
        rig.notify_on(at, "incremental_ticker.A", &message(time, kind, fields))
            .iter()
            .map(|event| match event {
                Event::Ticker(ticker) => {
                    (ticker.last.unwrap().to_f64(), ticker.open_interest.unwrap().to_f64())
                }
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told(1, 15, "snapshot", whole(3.0, 7.0)), [(3.0, 7.0)]);
    assert_eq!(told(0, 14, "change", json!({"last_price": 3.0})), []);
    assert_eq!(told(0, 15, "change", json!({"open_interest": 7.0})), []);
    assert_eq!(told(0, 16, "change", json!({"last_price": 4.0})), [(4.0, 7.0)]);
    // A connection lost leaves what is kept, the last one does not.
    rig.close_on(0, Ending::Lost);
    let change = message(17, "change", json!({"last_price": 5.0}));
    assert_eq!(
        rig.notify_on(1, "incremental_ticker.A", &message(16, "change", json!({"last_price": 4.0}))),
        []
    );
    assert!(matches!(rig.notify_on(1, "incremental_ticker.A", &change)[..], [Event::Ticker(_)]));
    rig.close_on(1, Ending::Lost);
    join(&mut rig, 0);
    let early = notification("incremental_ticker.A", &message(18, "change", json!({"last_price": 6.0})));
    assert!(matches!(rig.feed_on(0, &early.to_string()), Err(Error::Unexpected { .. })));
}

#[test]
fn a_ticker_that_begins_behind_what_was_told_goes_on_from_there() {
    // It is told whole as it stood when all connections were lost, or before.
    for behind in 0..2 {
        let mut rig = Rig::new(config(&["A"], &[Channel::IncrementalTicker]));
        let message = |time: u64, kind: &str, last: u64| {
            let open =
                json!({"type": kind, "timestamp": time, "instrument_name": "A", "open_interest": last});
            notification("incremental_ticker.A", &open)
        };
        join(&mut rig, 0);
        let mut whole = message(10, "snapshot", 1);
        whole["params"]["data"]["last_price"] = json!(7);
        assert_eq!(rig.tell_on(0, &whole).len(), 1);
        assert_eq!(rig.tell_on(0, &message(11, "change", 2)).len(), 1);
        rig.close_on(0, Ending::Lost);
        join(&mut rig, 0);
        let early = rig.feed_on(0, &message(12, "change", 3).to_string());
        assert!(matches!(early, Err(Error::Unexpected { .. })), "it is told whole again: {early:?}");
        assert_eq!(rig.tell_on(0, &message(11 - behind, "snapshot", 2 - behind)), [], "nothing is new");
        if behind > 0 {
            assert_eq!(rig.tell_on(0, &message(11, "change", 2)), []);
        }
        let told = rig.tell_on(0, &json!({
            "jsonrpc": "2.0", "method": "subscription", "params": {"channel": "incremental_ticker.A", "data": {
                "type": "change", "timestamp": 12, "instrument_name": "A", "last_price": 8,
            }},
        }));
        let [Event::Ticker(ticker)] = told.as_slice() else { panic!("{told:?}") };
        let expected = (Some("8".parse().unwrap()), Some("2".parse().unwrap()));
        assert_eq!((ticker.last, ticker.open_interest), expected);
    }
}

#[test]
fn a_silent_connection_is_replaced_and_the_others_are_not() {
    let mut rig = pair();
    let heartbeat = json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"});
    rig.pass(30 * SECOND);
    assert_eq!(rig.tell_on(1, &heartbeat), []);
    let told = rig.pass(35 * SECOND);
    assert_eq!(told, [Event::Status(Status { kind: StatusKind::Silent, text: "", venue_time_ns: None })]);
    assert_eq!(rig.replaced, [leg(0)]);
    assert_eq!(rig.close_on(0, Ending::Lost), []);
    stands_at(&rig, BookState::Live, 10);
}

#[test]
fn what_waits_to_be_sent_over_a_connection_that_is_gone_is_dropped() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.session.on_open(leg(0), rig.now);
    rig.session.on_open(leg(1), rig.now);
    rig.session.on_closed(leg(0), Ending::Lost, rig.now);
    rig.drain();
    assert!(rig.sent_on(0).is_empty());
    let methods: Vec<_> = rig.sent_on(1).iter().map(|sent| sent["method"].clone()).collect();
    assert_eq!(methods, ["public/set_heartbeat", "public/subscribe"]);
}

#[test]
fn an_answer_counts_on_the_connection_that_asked() {
    let mut rig = Rig::new(config(&["A"], &[BOOK]));
    rig.open_on(0);
    rig.open_on(1);
    let subscribe = rig.request_on(1, "public/subscribe");
    assert_eq!(rig.answer_on(0, &subscribe, &json!([CHANNEL])), [Event::Other { kind: "answer" }]);
    let told = rig.answer_on(1, &subscribe, &json!([CHANNEL]));
    assert_eq!(told, [Event::Subscribed { stream: CHANNEL, pending: 0 }]);
    // Each connection answers the venue's own question.
    let test = json!({"params": {"type": "test_request"}, "method": "heartbeat", "jsonrpc": "2.0"});
    rig.tell_on(1, &test);
    rig.request_on(1, "public/test");
    rig.tell_on(0, &test);
    rig.request_on(0, "public/test");
}

#[test]
fn connections_share_the_credits() {
    let instruments: Vec<String> = (0..1500).map(|n| format!("A-{n}")).collect();
    let mut rig = Rig::new(Config { instruments, channels: vec![Channel::Quote], ..Config::default() });
    rig.open_on(0);
    rig.open_on(1);
    let count = |rig: &mut Rig, at: usize| {
        rig.sent_on(at).iter().filter(|sent| sent["method"] == "public/subscribe").count()
    };
    assert_eq!((count(&mut rig, 0), count(&mut rig, 1)), (5, 5));
    rig.pass(9000 * MS);
    assert_eq!((count(&mut rig, 0), count(&mut rig, 1)), (5, 5), "all ten may be under way");
    rig.answer_all_on(0);
    assert_eq!((count(&mut rig, 0), count(&mut rig, 1)), (0, 5));
    rig.pass(299 * MS);
    assert_eq!((count(&mut rig, 0), count(&mut rig, 1)), (0, 5));
    rig.pass(MS);
    assert_eq!((count(&mut rig, 0), count(&mut rig, 1)), (1, 5));
}

#[test]
fn a_connection_that_answers_nothing_leaves_credits_to_its_successor() {
    let instruments: Vec<String> = (0..2500).map(|n| format!("A-{n}")).collect();
    let mut rig = Rig::new(Config { instruments, channels: vec![Channel::Quote], ..Config::default() });
    rig.open_on(0);
    rig.pass(10_000 * MS);
    assert_eq!(rig.renewed, [leg(0)]);
    rig.open_on(1);
    for _ in 0..5 {
        rig.answer_all_on(1);
        rig.pass(1000 * MS);
    }
    assert!(rig.session.is_ready(leg(1)));
}

fn with_secret() -> Config {
    let credentials =
        Credentials::Secret { client_id: "an id".into(), client_secret: String::from("hidden").into() };
    let raw = Channel::Book { interval: Rate::Raw };
    Config { credentials: Some(credentials), ..config(&["A"], &[raw, Channel::Quote]) }
}

#[test]
fn each_connection_signs_in_by_itself() {
    let mut rig = Rig::new(with_secret());
    let mut ids = Vec::new();
    for at in 0..2 {
        rig.open_on(at);
        let auth = rig.request_on(at, "public/auth");
        assert_eq!(auth["params"]["grant_type"], "client_credentials");
        rig.answer_all_on(at);
        assert!(!rig.session.is_ready(leg(at)), "it is not signed in");
        assert_eq!(rig.answer_on(at, &auth, &tokens(900)), [Event::SignedIn]);
        ids.push(auth["id"].as_u64().unwrap());
        rig.answer_all_on(at);
    }
    assert_ne!(ids[0], ids[1]);
    rig.notify_on(0, "book.A.raw", &snapshot(10));
    assert!(rig.session.is_ready(leg(0)) && !rig.session.is_ready(leg(1)));
    rig.notify_on(1, "book.A.raw", &snapshot(10));
    assert!(rig.session.is_ready(leg(0)) && rig.session.is_ready(leg(1)));

    // One that is refused follows what needs no sign-in, and the other brings the rest.
    rig.close_on(1, Ending::Lost);
    rig.open_on(1);
    let auth = rig.request_on(1, "public/auth");
    let told = rig.refuse_on(1, &auth, 13004, "invalid_credentials");
    assert!(
        matches!(
            told.as_slice(),
            [Event::Rejected(Rejection { request: Request::SignIn, outcome: Outcome::Final, .. })]
        ),
        "{told:?}"
    );
    assert_eq!(channels(&rig.request_on(1, "public/subscribe")), ["quote.A"]);
}

#[cfg(feature = "sign")]
#[test]
fn no_two_connections_sign_the_same() {
    use tickwire_venue::sign::SigningKey;

    let key = SigningKey::hmac("secret").unwrap().into();
    let credentials = Some(Credentials::Signature { client_id: "an id".into(), key });
    let mut rig = Rig::new(Config { credentials, ..config(&["A"], &[Channel::Quote]) });
    rig.open_on(0);
    rig.open_on(1);
    let nonce = |request: Value| request["params"]["nonce"].as_str().unwrap().to_owned();
    assert_ne!(nonce(rig.request_on(0, "public/auth")), nonce(rig.request_on(1, "public/auth")));
}

#[test]
fn a_token_that_is_good_once_goes_from_connection_to_connection() {
    let credentials = Some(Credentials::Refresh { token: String::from("first").into() });
    let mut rig = Rig::new(Config { credentials, ..config(&["A"], &[Channel::Quote]) });
    let shown = |request: &Value| request["params"]["refresh_token"].as_str().unwrap().to_owned();
    let answer = |token: &str| json!({"access_token": "a", "refresh_token": token, "expires_in": 900});
    rig.open_on(0);
    rig.open_on(1);
    let auth = rig.request_on(0, "public/auth");
    assert_eq!(shown(&auth), "first");
    let is_auth = |sent: &Value| sent["method"] == "public/auth";
    assert!(!rig.sent_on(1).iter().any(is_auth), "the token is in use");
    rig.answer_on(0, &auth, &answer("second"));
    let auth = rig.request_on(1, "public/auth");
    assert_eq!(shown(&auth), "second");
    rig.answer_on(1, &auth, &answer("third"));
    let heartbeat = json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"});
    for _ in 0..24 {
        rig.answer_all_on(0);
        rig.answer_all_on(1);
        rig.pass(29 * SECOND);
        rig.tell_on(0, &heartbeat);
        rig.tell_on(1, &heartbeat);
    }
    rig.pass(24 * SECOND);
    let auth = rig.request_on(0, "public/auth");
    assert_eq!(shown(&auth), "third", "at 720 s, the newest");
    assert!(!rig.sent_on(1).iter().any(is_auth));
    // Lost with it, the turn is the other's.
    rig.close_on(0, Ending::Lost);
    assert_eq!(shown(&rig.request_on(1, "public/auth")), "third");
}
