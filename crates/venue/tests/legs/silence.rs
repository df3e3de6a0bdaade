//! Streams and legs that are silent.

use super::*;

fn watched() -> Config {
    let streams = vec![Stream::BookTicker, Stream::Trade];
    Config { silence_max: Some(Duration::from_secs(60)), ..config(&["XYZABC", "QUIET"], streams) }
}

#[test]
fn a_stream_that_is_silent_is_told_and_subscribed_anew() {
    let mut rig = with(watched(), 1);
    let mut silent = Vec::new();
    for id in 1..=61 {
        rig.feed(leg(0), &quote(id)).unwrap();
        rig.feed(leg(0), &trade(id)).unwrap();
        let told = rig.pass(Duration::from_secs(1));
        silent.extend(told.into_iter().filter(|event| matches!(event, Event::Silent { .. })));
    }
    let since = Duration::from_secs(60);
    let streams = ["quiet@bookTicker", "quiet@trade"];
    assert_eq!(silent, streams.map(|stream| Event::Silent { stream, since }));
    assert!(rig.replacements.is_empty());
    let (route, sent) = rig.sent.pop_front().unwrap();
    assert_eq!((sent["method"].as_str(), &sent["params"]), (Some("UNSUBSCRIBE"), &json!(streams)));
    rig.feed(route, &json!({"result": null, "id": sent["id"]}).to_string()).unwrap();
    let expected = ("SUBSCRIBE".to_owned(), 0, json!(streams));
    assert_eq!(requests(&mut rig), [expected]);
}

#[test]
fn a_connection_that_brings_nothing_any_more_is_renewed() {
    let mut rig = with(watched(), 1);
    for id in 1..=16 {
        rig.pass(Duration::from_secs(1));
        rig.feed(leg(0), &quote(id)).unwrap();
    }
    rig.pass(Duration::from_millis(59_999));
    assert!(rig.renewals.is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!((&rig.renewals[..], &rig.replacements[..]), (&[leg(0)][..], &[][..]));
}

#[test]
fn what_is_seldom_heard_is_left_alone_once_that_is_known() {
    let streams = vec![Stream::BookTicker];
    let mut rig =
        with(Config { silence_max: Some(Duration::from_secs(60)), ..config(&["XYZABC"], streams) }, 1);
    let mut silent = 0;
    for id in 1..=60 {
        rig.feed(leg(0), &quote(id)).unwrap();
        for _ in 0..90 {
            let told = rig.pass(Duration::from_secs(1));
            silent += told.iter().filter(|event| matches!(event, Event::Silent { .. })).count();
            answer_all(&mut rig);
        }
    }
    assert_eq!((silent, rig.renewals.len(), rig.replacements.len()), (1, 0, 0));
}

#[test]
fn streams_may_be_silent_for_ever_if_that_is_said() {
    let streams = vec![Stream::BookTicker, Stream::Trade, Stream::Other("markPrice@1s".into())];
    let config = Config { silence_max: Some(Duration::MAX), ..config(&["XYZABC", "QUIET"], streams) };
    let mut rig = with(config, 1);
    for id in 1..=20 {
        rig.feed(leg(0), &trade(id)).unwrap();
        rig.feed(leg(0), &quote(id)).unwrap();
        rig.pass(Duration::from_secs(1));
    }
    for _ in 0..100 {
        assert_eq!(rig.pass(Duration::from_secs(3600)), []);
    }
    assert_eq!((rig.sent.len(), rig.renewals.len(), rig.replacements.len()), (0, 0, 0));
}

#[test]
fn what_is_heard_a_little_later_than_it_may_be_silent_is_soon_left_alone() {
    let streams = vec![Stream::BookTicker];
    let config = Config { silence_max: Some(Duration::from_secs(60)), ..config(&["XYZABC"], streams) };
    let mut rig = with(config, 1);
    for id in 1..=200 {
        rig.feed(leg(0), &quote(id)).unwrap();
        for _ in 0..65 {
            rig.pass(Duration::from_secs(1));
            answer_all(&mut rig);
        }
    }
    assert_eq!((rig.renewals.len(), rig.replacements.len()), (0, 0));
}

/// A second of both streams on leg 0 and of trades alone on leg 1: how often that one was renewed within it.
fn limp(rig: &mut Rig, id: u64) -> usize {
    rig.feed(leg(0), &trade(id)).unwrap();
    rig.feed(leg(1), &trade(id)).unwrap();
    rig.feed(leg(0), &quote(id)).unwrap();
    rig.pass(Duration::from_secs(1));
    answer_all(rig);
    let renewed = std::mem::take(&mut rig.renewals);
    if renewed.contains(&leg(1)) {
        rig.close(leg(1));
        rig.open(leg(1));
        rig.confirm();
    }
    renewed.len()
}

#[test]
fn a_leg_that_is_never_given_a_stream_is_renewed_ever_more_seldom() {
    let mut rig = rig(vec![Stream::Trade, Stream::BookTicker], 2);
    let renewals: Vec<u64> = (1..=4 * 3600).filter(|id| limp(&mut rig, *id) > 0).collect();
    let spans: Vec<u64> = renewals.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Looks are 5 s apart.
    let doubled = [60, 120, 240, 480, 960, 1920, 3600, 3600];
    assert_eq!(spans.len(), doubled.len(), "{spans:?}");
    assert!(spans.iter().zip(doubled).all(|(span, least)| (least..least + 10).contains(span)), "{spans:?}");
}

#[test]
fn a_leg_that_lacks_a_stream_that_is_seldom_heard_is_found() {
    let mut rig = rig(vec![Stream::Trade, Stream::BookTicker], 2);
    for id in 1..=60 {
        rig.feed(leg(0), &trade(id)).unwrap();
        rig.feed(leg(1), &trade(id)).unwrap();
        if id % 11 == 0 {
            rig.feed(leg(0), &quote(id)).unwrap();
        }
        rig.pass(Duration::from_secs(1));
    }
    assert_eq!(rig.sent.pop_front().map(|(route, _)| route), Some(leg(1)));
}

/// Answers all that was sent, and what is sent then.
fn answer_all(rig: &mut Rig) {
    while let Some((route, sent)) = rig.sent.pop_front() {
        rig.feed(route, &json!({"result": null, "id": sent["id"]}).to_string()).unwrap();
    }
}

#[test]
fn a_stream_that_is_silent_after_it_was_subscribed_anew_has_its_connection_renewed() {
    let mut rig = with(watched(), 1);
    for id in 1..=120 {
        rig.feed(leg(0), &quote(id)).unwrap();
        assert!(rig.renewals.is_empty(), "{id}");
        rig.pass(Duration::from_secs(1));
        answer_all(&mut rig);
    }
    assert_eq!(rig.renewals, [leg(0)]);
}

#[test]
fn a_leg_that_does_not_bring_what_the_other_does_is_mended() {
    let mut rig = rig(vec![Stream::Trade, Stream::BookTicker], 2);
    let mut id = 0;
    let mut pass = |rig: &mut Rig| {
        for _ in 0..16 {
            id += 1;
            for (number, text) in [(0, trade(id)), (0, quote(id)), (1, trade(id))] {
                rig.feed(leg(number), &text).unwrap();
            }
            rig.pass(Duration::from_secs(1));
        }
    };
    pass(&mut rig);
    let (route, sent) = rig.sent.pop_front().unwrap();
    assert_eq!((route, sent["method"].as_str()), (leg(1), Some("UNSUBSCRIBE")));
    assert_eq!(sent["params"], json!(["xyzabc@bookTicker"]));
    rig.feed(route, &json!({"result": null, "id": sent["id"]}).to_string()).unwrap();
    rig.confirm();
    pass(&mut rig);
    assert_eq!((&rig.renewals[..], &rig.replacements[..]), (&[leg(1)][..], &[][..]));
}

#[test]
fn a_leg_that_brings_nothing_while_the_other_does_is_given_up() {
    let mut rig = rig(vec![Stream::Trade], 2);
    for id in 1..=16 {
        rig.feed(leg(0), &trade(id)).unwrap();
        rig.pass(Duration::from_secs(1));
    }
    assert_eq!(rig.replacements, [leg(1)]);
}

#[test]
fn a_stream_that_was_confirmed_and_never_spoke_is_subscribed_anew_and_then_elsewhere() {
    let mut rig = rig(vec![Stream::Trade], 1);
    let mut id = 0;
    let mut speak = |rig: &mut Rig, seconds: u64| {
        let mut told = Vec::new();
        for _ in 0..seconds {
            id += 1;
            rig.feed(leg(0), &trade(id)).unwrap();
            told.extend(rig.pass(Duration::from_secs(1)));
        }
        told
    };
    speak(&mut rig, 20);
    let now = rig.both();
    rig.session.subscribe(&["xyzabc@aggTrade"], now).unwrap();
    rig.drain();
    rig.confirm();
    let silent = |since| [Event::Silent { stream: "xyzabc@aggTrade", since: Duration::from_secs(since) }];
    assert_eq!(speak(&mut rig, 60), silent(60));
    let expected = ("UNSUBSCRIBE".to_owned(), 0, json!(["xyzabc@aggTrade"]));
    let id = rig.sent[0].1["id"].clone();
    assert_eq!(requests(&mut rig), [expected]);
    rig.feed(leg(0), &json!({"result": null, "id": id}).to_string()).unwrap();
    rig.confirm();
    assert_eq!(speak(&mut rig, 59), []);
    assert_eq!(speak(&mut rig, 1), silent(120));
    assert_eq!(rig.renewals, [leg(0)]);
    assert_eq!(speak(&mut rig, 600), []);
}

#[test]
fn no_silence_is_so_short_that_nothing_else_is_done() {
    let mut rig = with(Config { silence_max: Some(Duration::ZERO), ..watched() }, 1);
    let told = rig.pass(Duration::from_secs(10));
    let silent = |event: &&Event<'_>| matches!(event, Event::Silent { stream: "xyzabc@bookTicker", .. });
    assert!((1..=4).contains(&told.iter().filter(silent).count()), "each second, then two, then four");
}

#[test]
fn what_is_there_and_not_read_yet_is_not_silent() {
    let config = Config {
        silence_max: Some(60 * SECOND),
        ..config(&["XYZABC"], vec![Stream::Trade, Stream::BookTicker])
    };
    let mut rig = with(config, 2);
    for id in 1..=20 {
        for number in 0..2 {
            rig.feed(leg(number), &quote(id)).unwrap();
            rig.feed(leg(number), &trade(id)).unwrap();
        }
        rig.pass(SECOND);
    }
    rig.session.subscribe(&["xyzabc@aggTrade"], rig.both()).unwrap();
    assert_eq!(rig.drain(), []);
    // Nobody reads for as long as the answers may take and the streams may be silent.
    let requests: Vec<_> = rig.sent.drain(..).collect();
    rig.now += 61 * SECOND;
    let mut all = Vec::new();
    for number in 0..2 {
        all.extend(rig.feed(leg(number), &quote(21)).unwrap());
        all.extend(rig.feed(leg(number), &trade(21)).unwrap());
        for (_, request) in requests.iter().filter(|(route, _)| *route == leg(number)) {
            all.extend(
                rig.feed(leg(number), &json!({"result": null, "id": request["id"]}).to_string()).unwrap(),
            );
        }
    }
    rig.session.on_deadline(rig.both());
    all.extend(rig.drain());
    let is_news =
        |event: &Event<'_>| matches!(event, Event::Quote(_) | Event::Trade(_) | Event::Subscribed { .. });
    assert!(all.iter().all(is_news) && all.len() == 3, "{all:?}");
    assert!(rig.sent.is_empty() && rig.renewals.is_empty() && rig.replacements.is_empty());
}
