//! Messages in the shapes that Deribit documents, with values made up here, and what they must tell.

mod deribit;

use deribit::{BOOK, ROUTE, Rig, config, leg};
use serde_json::{Value, json};
use tickwire_venue::deribit::{Channel, Config, Rate, channel};
use tickwire_venue::{
    BookState, Candle, CandleOf, Decimal, Error, Event, Funding, Index, Instrument, InstrumentState,
    Interval, LEGS_MAX, Level, Mark, Misuse, Quote, Route, Session, Side, Snapshot, Status, StatusKind,
    Ticker, Trade,
};

const TIME: u64 = 1_700_000_000_123;
const TIME_NS: u64 = 1_700_000_000_123_000_000;
const ONLY: Instrument = Instrument(0);

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn level(price: &str, quantity: &str) -> Level {
    Level { price: decimal(price), quantity: decimal(quantity) }
}

fn rig() -> Rig {
    Rig::confirmed(config(&["BTC-PERPETUAL"], &[BOOK]))
}

#[test]
fn a_snapshot_and_a_change_of_a_book() {
    let mut rig = rig();
    let bids = json!([["new", 41000.5, 6.4e4], ["new", 41000.0, 10.0]]);
    let data = deribit::book("BTC-PERPETUAL", (None, 7), &bids, &json!([["new", 41001.0, 20.0]]));
    let told = rig.notify("book.BTC-PERPETUAL.100ms", &data);
    let Some(Event::Snapshot(snapshot)) = told.first() else { panic!("{told:?}") };
    assert_eq!(snapshot.bids, [level("41000.5", "64000"), level("41000", "10")]);
    assert_eq!((snapshot.update_id, snapshot.partial), (7, false));
    let bids = json!([["delete", 41000.5, 0.0], ["a new word", 40999.5, 1.5]]);
    let data = deribit::book("BTC-PERPETUAL", (Some(7), 99), &bids, &json!([]));
    let told = rig.notify("book.BTC-PERPETUAL.100ms", &data);
    let Some(Event::Delta(delta)) = told.first() else { panic!("{told:?}") };
    assert_eq!((delta.first_id, delta.last_id, delta.previous_id), (99, 99, Some(7)));
    assert_eq!(delta.bids, [level("41000.5", "0"), level("40999.5", "1.5")]);
    assert_eq!(delta.venue_time_ns, 1_700_000_000_000_000_000);
    let view = rig.session.book(ONLY).unwrap();
    assert_eq!((view.state, view.update_id), (BookState::Live, 99));
    assert_eq!(view.book.bids().collect::<Vec<_>>(), [level("41000", "10"), level("40999.5", "1.5")]);
}

#[test]
fn a_grouped_book_is_a_picture_of_a_part() {
    let mut rig = rig();
    let data = json!({
        "timestamp": TIME, "change_id": 5, "instrument_name": "ETH-PERPETUAL", "bids": [[2000.5, 1e3]], "asks": [],
    });
    let told = rig.notify("book.ETH-PERPETUAL.none.10.100ms", &data);
    let expected = Snapshot {
        instrument: Instrument(1),
        update_id: 5,
        bids: &[level("2000.5", "1000")],
        asks: &[],
        partial: true,
        venue_time_ns: Some(TIME_NS),
    };
    assert_eq!(told, [Event::Snapshot(expected)]);
    assert_eq!(rig.session.symbol(Instrument(1)), Some("ETH-PERPETUAL"));
    assert!(rig.session.book(Instrument(1)).is_none());
}

#[test]
fn trades_come_one_by_one() {
    let mut rig = rig();
    let trade = |sequence: u64, direction: &str| {
        json!({
            "trade_seq": sequence, "trade_id": "267258393", "timestamp": TIME, "tick_direction": 0,
            "price": 41000.5, "mark_price": 41000.12, "instrument_name": "BTC-PERPETUAL",
            "index_price": 41000.67, "direction": direction, "amount": 8450.0, "contracts": 845.0,
        })
    };
    let told = rig.notify(
        "trades.BTC-PERPETUAL.100ms",
        &json!([trade(14, "buy"), trade(15, "sell"), trade(16, "buy")]),
    );
    let expected = |id, taker| {
        Event::Trade(Trade {
            instrument: ONLY,
            id,
            price: decimal("41000.5"),
            quantity: decimal("8450"),
            taker,
            fills: None,
            venue_time_ns: TIME_NS,
            event_time_ns: TIME_NS,
        })
    };
    assert_eq!(told, [expected(14, Side::Bid), expected(15, Side::Ask), expected(16, Side::Bid)]);
    assert_eq!(rig.notify("trades.BTC-PERPETUAL.100ms", &json!([])), []);
    let many: Vec<_> = (0..20).map(|sequence| trade(sequence, "buy")).collect();
    let told = rig.notify("trades.future.BTC.100ms", &json!(many));
    assert_eq!(told, (0..20).map(|id| expected(id, Side::Bid)).collect::<Vec<_>>());
}

#[test]
fn a_trade_of_a_new_direction_is_unexpected_and_the_others_are_told() {
    let mut rig = rig();
    let trade = |direction: &str| {
        json!({
            "trade_seq": 1, "trade_id": "1", "timestamp": TIME, "price": 1.0, "amount": 1.0,
            "instrument_name": "BTC-PERPETUAL", "direction": direction,
        })
    };
    let data = json!([trade("buy"), trade("sideways"), trade("sell")]);
    let text = deribit::notification("trades.BTC-PERPETUAL.100ms", &data).to_string();
    let error = rig.feed(&text).unwrap_err();
    assert!(matches!(error, Error::Unexpected { .. }), "{error}");
    assert_eq!(rig.drain().len(), 2);
}

#[test]
fn an_empty_side_of_a_quote_is_null_or_zero() {
    let mut rig = rig();
    let told = rig.notify(
        "quote.BTC-PERPETUAL",
        &json!({
            "timestamp": TIME, "instrument_name": "BTC-PERPETUAL", "best_bid_price": null, "best_bid_amount": 0.0,
            "best_ask_price": 41001.0, "best_ask_amount": 20.0,
        }),
    );
    let expected = Quote {
        instrument: ONLY,
        update_id: None,
        bid: None,
        ask: Some(level("41001", "20")),
        venue_time_ns: Some(TIME_NS),
    };
    assert_eq!(told, [Event::Quote(expected)]);
}

fn ticker(rig: &mut Rig, channel: &str, data: &Value) -> (Ticker, Option<Mark>) {
    match rig.notify(channel, data).as_slice() {
        [Event::Ticker(ticker), Event::Mark(mark)] => (*ticker, Some(*mark)),
        [Event::Ticker(ticker)] => (*ticker, None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ticker_tells_the_day_and_the_mark() {
    let mut rig = rig();
    let data = json!({
        "timestamp": TIME, "state": "open", "instrument_name": "BTC-PERPETUAL", "last_price": null,
        "stats": {"high": 42000.5, "low": null, "volume": 17945.19644566, "volume_usd": 5.45e8, "price_change": -5.4},
        "mark_price": 41000.7, "index_price": 41000.67, "open_interest": 559791310, "current_funding": -2.7e-4,
        "funding_8h": 1.423032929843748e-4, "best_bid_price": 41000.5, "best_bid_amount": 6.4e4,
        "best_ask_price": 0.0, "best_ask_amount": 0.0, "something new": {"a": [1]},
    });
    let (ticker, mark) = ticker(&mut rig, "ticker.BTC-PERPETUAL.100ms", &data);
    let expected = Ticker {
        instrument: ONLY,
        last: None,
        open: None,
        high: Some(decimal("42000.5")),
        low: None,
        volume: Some(decimal("17945.19644566")),
        turnover: Some(decimal("545000000")),
        bid: Some(level("41000.5", "64000")),
        ask: None,
        mark: Some(decimal("41000.7")),
        index: Some(decimal("41000.67")),
        open_interest: Some(decimal("559791310")),
        venue_time_ns: TIME_NS,
    };
    assert_eq!(ticker, expected);
    let expected = Mark {
        instrument: ONLY,
        price: decimal("41000.7"),
        index: Some(decimal("41000.67")),
        funding_rate: Some(decimal("-0.00027")),
        next_funding_ns: None,
        implied_volatility: None,
        venue_time_ns: TIME_NS,
    };
    assert_eq!(mark, Some(expected));
}

#[test]
fn an_incremental_ticker_is_merged_deeply() {
    let mut rig = rig();
    let channel = "incremental_ticker.BTC-PERPETUAL";
    let change = |data: Value| {
        let mut whole = json!({"type": "change", "timestamp": TIME + 1, "instrument_name": "BTC-PERPETUAL"});
        whole.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
        whole
    };
    let early = deribit::notification(channel, &change(json!({"last_price": 1.0}))).to_string();
    assert!(matches!(rig.feed(&early), Err(Error::Unexpected { .. })));
    let whole = json!({
        "type": "snapshot", "timestamp": TIME, "instrument_name": "BTC-PERPETUAL", "last_price": 41000.0,
        "stats": {"high": 2.0, "low": 1.0, "volume": 3.0, "volume_usd": 4.0}, "mark_price": 41000.5,
        "best_bid_price": 10.0, "best_bid_amount": 1.0, "best_ask_price": 11.0, "best_ask_amount": 2.0,
    });
    let (first, _) = ticker(&mut rig, channel, &whole);
    assert_eq!((first.last, first.low), (Some(decimal("41000")), Some(decimal("1"))));

    let (told, mark) = ticker(
        &mut rig,
        channel,
        &change(json!({"stats": {"low": null, "high": 2.5}, "mark_price": 41001.0})),
    );
    let expected = Ticker {
        high: Some(decimal("2.5")),
        low: None,
        mark: Some(decimal("41001")),
        venue_time_ns: TIME_NS + 1_000_000,
        ..first
    };
    assert_eq!(told, expected);
    assert_eq!(mark.map(|mark| mark.price), Some(decimal("41001")));
    let (told, _) = ticker(&mut rig, channel, &change(json!({"last_price": null, "best_ask_amount": 0.0})));
    assert_eq!(told, Ticker { last: None, ask: None, ..expected });
    let (told, mark) = ticker(&mut rig, channel, &change(json!({"stats": null, "mark_price": null})));
    assert_eq!((told.high, told.volume, told.bid), (None, None, Some(level("10", "1"))));
    assert_eq!(mark, None);

    rig.close();
    rig.open();
    assert!(
        matches!(rig.feed(&early), Err(Error::Unexpected { .. })),
        "a new connection tells it whole again"
    );
}

#[test]
fn funding_indices_candles_and_marks() {
    let mut rig = rig();
    let told = rig.notify(
        "perpetual.BTC-PERPETUAL.agg2",
        &json!({"timestamp": TIME, "interest": 0.004999511380756577, "index_price": 7872.88}),
    );
    let expected = Funding {
        instrument: ONLY,
        rate: decimal("0.004999511380756577"),
        index: Some(decimal("7872.88")),
        venue_time_ns: TIME_NS,
    };
    assert_eq!(told, [Event::Funding(expected)]);

    let told = rig.notify(
        "deribit_price_index.btc_usd",
        &json!({"timestamp": TIME, "price": 3937.89, "index_name": "btc_usd"}),
    );
    let index = rig.find("btc_usd");
    let expected = Index { instrument: index, price: decimal("3937.89"), venue_time_ns: TIME_NS };
    assert_eq!(told, [Event::Index(expected)]);

    let told = rig.notify(
        "deribit_volatility_index.btc_usd",
        &json!({"timestamp": TIME, "volatility": 129.36, "index_name": "btc_usd"}),
    );
    let volatility = rig.find("deribit_volatility_index.btc_usd");
    assert_ne!(volatility, index);
    let expected = Index { instrument: volatility, price: decimal("129.36"), venue_time_ns: TIME_NS };
    assert_eq!(told, [Event::Index(expected)]);

    let told = rig.notify(
        "chart.trades.BTC-PERPETUAL.1D",
        &json!({
            "volume": 0.05, "tick": TIME, "open": 8869.79, "low": 8788.25, "high": 8870.31, "cost": 460,
            "close": 8791.25,
        }),
    );
    let expected = Candle {
        instrument: ONLY,
        of: CandleOf::Trades,
        interval: Interval::Seconds(86_400),
        open_time_ns: TIME_NS,
        close_time_ns: None,
        open: decimal("8869.79"),
        high: decimal("8870.31"),
        low: decimal("8788.25"),
        close: decimal("8791.25"),
        volume: Some(decimal("0.05")),
        turnover: Some(decimal("460")),
        trades: None,
        closed: None,
        venue_time_ns: None,
    };
    assert_eq!(told, [Event::Candle(expected)]);

    let mark =
        |name: &str| json!({"instrument_name": name, "mark_price": 0.0333, "iv": 0.9, "timestamp": TIME});
    let told =
        rig.notify("markprice.options.btc_usd", &json!([mark("BTC-2JUN27-33-C"), mark("BTC-2JUN27-34-C")]));
    let names: Vec<_> = told
        .iter()
        .map(|event| match event {
            Event::Mark(mark) => {
                assert_eq!((mark.price, mark.implied_volatility), (decimal("0.0333"), Some(decimal("0.9"))));
                rig.session.symbol(mark.instrument).unwrap()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["BTC-2JUN27-33-C", "BTC-2JUN27-34-C"]);
}

#[test]
fn states_of_instruments_and_of_the_platform() {
    let mut rig = rig();
    let state = |state: &str| json!({"timestamp": TIME, "state": state, "instrument_name": "BTC-22MAR27"});
    for (word, open) in [("open", true), ("halted", false), ("started", true), ("a new word", false)] {
        let told = rig.notify("instrument.state.any.any", &state(word));
        let instrument = rig.find("BTC-22MAR27");
        let expected = InstrumentState { instrument, state: word, open, venue_time_ns: Some(TIME_NS) };
        assert_eq!(told, [Event::State(expected)]);
    }
    let told = rig.notify("instrument.creation.any.any", &json!({"instrument_name": "BTC-22MAR27"}));
    let instrument = rig.find("BTC-22MAR27");
    let created = InstrumentState { instrument, state: "created", open: false, venue_time_ns: None };
    assert_eq!(told, [Event::State(created)]);
    let status = |kind, text| [Event::Status(Status { kind, text, venue_time_ns: None })];
    let told = rig.notify("platform_state", &json!({"price_index": "sol_usdc", "locked": true}));
    assert_eq!(told, status(StatusKind::Locked, "sol_usdc"));
    let told = rig.notify("platform_state", &json!({"price_index": "sol_usdc", "locked": false}));
    assert_eq!(told, status(StatusKind::Unlocked, "sol_usdc"));
    let told = rig.notify("platform_state", &json!({"maintenance": true}));
    assert_eq!(told, status(StatusKind::Maintenance, ""));
    let told = rig.notify(
        "platform_state.public_methods_state",
        &json!({"allow_unauthenticated_public_requests": false}),
    );
    assert_eq!(told, status(StatusKind::Other, "public requests need a login"));
    let told = rig.notify(
        "announcements",
        &json!({"id": 1, "action": "new", "title": "A title", "body": "…", "publication_timestamp": TIME}),
    );
    let expected = Status { kind: StatusKind::Announcement, text: "A title", venue_time_ns: Some(TIME_NS) };
    assert_eq!(told, [Event::Status(expected)]);
}

#[test]
fn what_has_no_event_of_its_own_is_told_by_its_channel() {
    let mut rig = rig();
    let rows = [
        ("deribit_price_statistics.btc_usd", json!({"low24h": 1.0, "high24h": 2.0, "index_name": "btc_usd"})),
        ("estimated_expiration_price.btc_usd", json!({"seconds": 1, "price": 2.0, "is_estimated": false})),
        ("block_rfq.trades.any", json!({"id": 1, "timestamp": TIME, "legs": []})),
        ("something.new", json!({"a": 1})),
    ];
    for (kind, data) in rows {
        assert_eq!(rig.notify(kind, &data), [Event::Other { kind }]);
    }
    let told = rig.notify("user.orders.any.any.raw", &json!([{"last_update_timestamp": TIME, "price": 1.0}]));
    let kind = "user.orders.any.any.raw";
    assert_eq!(told, [Event::Account { kind, venue_time_ns: Some(TIME_NS) }]);
    let told = rig.notify("user.lock", &json!({"locked": true}));
    assert_eq!(told, [Event::Account { kind: "user.lock", venue_time_ns: None }]);
    let heartbeat = json!({"params": {"type": "heartbeat"}, "method": "heartbeat", "jsonrpc": "2.0"});
    assert_eq!(rig.tell(&heartbeat), []);
    let told = rig.tell(&json!({"params": {"type": "new"}, "method": "heartbeat", "jsonrpc": "2.0"}));
    assert_eq!(told, [Event::Other { kind: "new" }]);
}

#[test]
fn a_malformed_message_names_its_channel_and_the_others_go_on() {
    let mut rig = rig();
    let text = deribit::notification("quote.BTC-PERPETUAL", &json!({"timestamp": "soon"})).to_string();
    let Err(Error::Malformed { stream, offset, .. }) = rig.feed(&text) else {
        panic!("a time that is a word")
    };
    assert_eq!(stream.as_deref(), Some("quote.BTC-PERPETUAL"));
    assert_eq!(offset, text.find("\"soon\""));
    let book = deribit::book("BTC-PERPETUAL", (None, 1), &json!([]), &json!([]));
    assert_eq!(rig.notify("book.BTC-PERPETUAL.100ms", &book).len(), 2);
}

#[test]
fn the_drain_contract_holds() {
    let mut rig = rig();
    let quote = deribit::notification(
        "quote.BTC-PERPETUAL",
        &json!({"timestamp": TIME, "instrument_name": "BTC-PERPETUAL"}),
    )
    .to_string();
    rig.session.on_message(ROUTE, quote.as_bytes(), rig.now).unwrap();
    let again = rig.session.on_message(ROUTE, quote.as_bytes(), rig.now);
    assert_eq!(again, Err(Error::Misuse(Misuse::Undrained)));
    assert_eq!(rig.drain().len(), 1);
    let other = rig.session.on_message(Route::first(1), quote.as_bytes(), rig.now);
    assert_eq!(other, Err(Error::Misuse(Misuse::UnknownRoute(Route::first(1)))));
    for closed in [leg(1), leg(LEGS_MAX), leg(usize::MAX)] {
        let refused = rig.session.on_message(closed, quote.as_bytes(), rig.now);
        assert_eq!(refused, Err(Error::Misuse(Misuse::RouteClosed(closed))));
    }
    rig.close();
    let closed = rig.session.on_message(ROUTE, quote.as_bytes(), rig.now);
    assert_eq!(closed, Err(Error::Misuse(Misuse::RouteClosed(ROUTE))));
}

#[test]
fn configured_instruments_come_first() {
    let channels = [Channel::Trades { interval: Rate::Ms100 }];
    let more =
        vec![channel::trades(channel::Kind::Option, "BTC", Rate::Ms100), "book.SOL_USDC.100ms".to_owned()];
    let rig = Rig::new(Config { more, ..config(&["A", "B"], &channels) });
    let names: Vec<_> = (0..rig.session.instruments())
        .map(|number| rig.session.symbol(Instrument(number)).unwrap())
        .collect();
    assert_eq!(names, ["A", "B", "SOL_USDC"]);
    assert!(rig.session.book(Instrument(0)).is_none() && rig.session.book(Instrument(2)).is_some());
    assert_eq!(rig.session.endpoints()[0].url, "wss://www.deribit.com/ws/api/v2");
    assert_eq!(Config::event_node().url, "wss://streams.deribit.com/ws/api/v2");
}
