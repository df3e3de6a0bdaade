//! What a client must not do, and that a world notices it.

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part of the client")]
mod wires;

use std::time::Duration;

use serde_json::json;
use tickwire_sim::{DeribitRules, Hazard, Hazards, Options, Venue};
use tungstenite::Message;
use wires::{ALL, HOST, Net, Socket, net, options, seconds, troubled, venue};

/// Without jitter, so that what leaves within a second arrives within one.
fn calm(which: Venue) -> Net {
    let mut options = options(1, venue(which, 1));
    options.network.jitter = Duration::ZERO;
    net(options)
}

#[test]
fn binance_allows_300_connects_in_any_five_minutes() {
    for which in [Venue::BinanceSpot, Venue::BinanceUsdM] {
        let net = calm(which);
        for count in 0..300 {
            assert!(net.dial(HOST).is_ok(), "{count}");
        }
        assert!(net.now() - wires::start() < seconds(300), "they were quick");
        assert_eq!(net.violations(), [""; 0]);
        assert!(net.dial(HOST).is_ok(), "it is not prevented");
        let violations = net.violations();
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains(&format!("{HOST}: more than 300 connects")), "{violations:?}");
        net.pass(seconds(301));
        assert!(net.dial(HOST).is_ok());
        assert_eq!(net.violations().len(), 1, "five minutes later it may connect again");
    }
}

#[test]
fn connects_that_fail_count_and_look_ups_do_not() {
    let net = troubled(1, Venue::BinanceSpot, Hazards::only(Hazard::ConnectRefused, 1_000));
    (0..300).for_each(|_| assert!(net.dial(HOST).is_err()));
    assert!(net.violations().is_empty());
    assert!(net.dial(HOST).is_err());
    assert_eq!(net.violations().len(), 1);
    (0..400).for_each(|_| assert!(net.dial("elsewhere.test").is_err()));
    assert_eq!(net.violations().len(), 1);
}

#[test]
fn deribit_allows_32_open_connections() {
    let net = calm(Venue::Deribit);
    let mut open: Vec<_> = (0..32).map(|_| net.open("/ws/api/v2").expect("a connection")).collect();
    assert_eq!(net.violations(), [""; 0]);
    open.pop();
    open.push(net.open("/ws/api/v2").expect("one left, one came"));
    assert_eq!(net.violations(), [""; 0]);
    let Err(tungstenite::Error::Http(response)) = net.open("/ws/api/v2") else { panic!("let in") };
    assert_eq!(response.status(), 429);
    assert_eq!(net.violations().len(), 1, "{:?}", net.violations());
}

fn send(socket: &mut Socket, id: usize) {
    socket.send(format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#).into()).expect("sent");
}

#[test]
fn a_venue_allows_so_many_messages_in_any_second() {
    for (which, path, most) in [(Venue::BinanceSpot, "/ws", 5), (Venue::BinanceUsdM, "/public/ws", 10)] {
        let net = calm(which);
        let mut socket = net.open(path).expect("a connection");
        (0..most - 1).for_each(|id| send(&mut socket, id));
        socket.send(Message::Ping("x".into())).expect("sent");
        net.pass(seconds(1));
        (0..most).for_each(|id| send(&mut socket, id));
        assert_eq!(net.violations(), [""; 0], "{which:?}");
        net.pass(Duration::from_millis(999));
        send(&mut socket, 99);
        let closed = net.texts_until(&mut socket, net.now() + seconds(30)).1;
        assert_eq!(net.violations().len(), 1, "{which:?}");
        assert!(net.violations()[0].contains(&format!("more than {most} messages")));
        assert!(matches!(closed, Some(tungstenite::Error::ConnectionClosed)), "the venue has noticed, too");
    }
}

#[test]
fn the_api_counts_weight_instead_of_messages() {
    let net = calm(Venue::BinanceSpot);
    let mut api = net.open("/ws-api/v3").expect("a connection");
    for id in 0..20 {
        api.send(format!(r#"{{"id":{id},"method":"ping"}}"#).into()).expect("sent");
    }
    net.pass(seconds(2));
    assert_eq!(net.violations(), [""; 0]);
    let url = format!("https://{HOST}/api/v3/depth?symbol=BTCUSDT&limit=5000");
    // 20 pings and a connect took 22 of the 6,000 of this minute.
    (0..23).for_each(|_| assert_eq!(net.fetch(&url).expect("an answer").status, 200));
    assert_eq!(net.violations(), [""; 0]);
    assert_eq!(net.fetch(&url).expect("an answer").status, 429);
    let violations = net.violations();
    assert!(violations.len() == 1 && violations[0].contains("request weight"), "{violations:?}");
    net.pass(seconds(60));
    assert_eq!(net.fetch(&url).expect("an answer").status, 200);
}

#[test]
fn deribit_counts_credits() {
    let net = calm(Venue::Deribit);
    let mut socket = net.open("/ws/api/v2").expect("a connection");
    let subscribe = json!({"id":1,"method":"public/subscribe","params":{"channels":[]}}).to_string();
    for count in 0..11 {
        assert_eq!(net.violations(), [""; 0], "{count}");
        socket.send(subscribe.as_str().into()).expect("sent");
    }
    net.pass(seconds(1));
    let violations = net.violations();
    assert!(violations.len() == 1 && violations[0].contains("credits"), "{violations:?}");
}

#[test]
fn a_client_that_keeps_to_everything_is_not_blamed_however_rough_it_is() {
    for which in ALL {
        for seed in 0..8 {
            let net = troubled(seed, which, Hazards::usual());
            let end = net.now() + seconds(1_800);
            while net.now() < end {
                if let Ok(mut socket) = wires::follow(&net, which) {
                    net.texts_until(&mut socket, end.min(net.now() + seconds(100)));
                }
                net.pass(seconds(2));
            }
            assert_eq!(net.violations(), [""; 0], "{which:?}, seed {seed}");
        }
    }
}

#[test]
fn options_that_contradict_themselves_are_refused() {
    let mut bad = options(1, Options { ping_interval: Duration::ZERO, ..Options::default() });
    assert!(tickwire_sim::World::new(bad).is_err());
    bad = options(1, Options { deribit: DeribitRules::default(), ..Options::default() });
    bad.network.window = 0;
    assert!(tickwire_sim::World::new(bad).is_err());
}
