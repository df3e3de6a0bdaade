//! Binary frames: byte layouts written out from the venue's schema, what is refused, and the encoder against the decoder.

mod common;

use common::encode::{self, Exponents, Layout};
use proptest::{collection::vec, prelude::*};
use tickwire_venue::binance::sbe::{self, Error, Fault, Message};
use tickwire_venue::{Decimal, Level};

/// Bytes from hexadecimal digits, spaces and line ends apart.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn level(price: &str, quantity: &str) -> Level {
    Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
}

fn told(levels: impl Iterator<Item = Level>) -> Vec<(String, String)> {
    levels.map(|level| (level.price.to_string(), level.quantity.to_string())).collect()
}

fn texts(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(price, quantity)| (price.to_string(), quantity.to_string())).collect()
}

fn refused(field: &'static str, fault: Fault) -> Error {
    Error::Value { field, fault }
}

// Each block, entry and text has a line of its own. Block lengths: 0x12 = 18, 0x1a = 26, 0x32 = 50, 0x19 = 25, 0x10 = 16.

const TRADES: &str = "
    1200 1027 0100 0000
    4022201824 0a0600 0822201824 0a0600 fe f8
    1900 02000000
    e388b5f814000000 d28f3e0000000000 f049020000000000 01
    e688b5f814000000 d38f3e0000000000 0100000000000000 00
    07 42544355534454";

const BEST_BID_ASK: &str = "
    3200 1127 0100 0000
    4022201824 0a0600 be24f71f01000000 fe fb d28f3e0000000000 d007000000000000 d38f3e0000000000 2c01000000000000
    07 42544355534454";

const DEPTH_SNAPSHOT: &str = "
    1200 1227 0100 0000
    4022201824 0a0600 be24f71f01000000 fe fb
    1000 0200
    d28f3e0000000000 d007000000000000
    d18f3e0000000000 2c01000000000000
    1000 0100
    d38f3e0000000000 4d00000000000000
    07 42544355534454";

/// No asks, and a symbol of two characters in six bytes.
const DEPTH_DIFF: &str = "
    1a00 1327 0100 0000
    4022201824 0a0600 be24f71f01000000 bf24f71f01000000 fe fb
    1000 0100
    d18f3e0000000000 0000000000000000
    1000 0000
    06 efbc91efbc92";

const FRAMES: [&str; 4] = [TRADES, BEST_BID_ASK, DEPTH_SNAPSHOT, DEPTH_DIFF];

#[test]
fn trades_are_read_where_the_schema_has_them() {
    let frame = hex(TRADES);
    let Message::Trades(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!(message.symbol, "BTCUSDT");
    assert_eq!(message.event_time_ns, 1_700_000_000_123_456_000);
    assert_eq!(message.trade_time_ns, 1_700_000_000_123_400_000);
    assert_eq!(message.trades.len(), 2);
    let told: Vec<_> = message
        .trades
        .map(|trade| (trade.id, trade.price.to_string(), trade.quantity.to_string(), trade.buyer_is_maker))
        .collect();
    assert_eq!(told[0], (90_071_992_547, "41000.50".into(), "0.00150000".into(), true));
    assert_eq!(told[1], (90_071_992_550, "41000.51".into(), "0.00000001".into(), false));
}

#[test]
fn a_best_bid_and_ask_is_read_where_the_schema_has_it() {
    let frame = hex(BEST_BID_ASK);
    let Message::BestBidAsk(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!(message.symbol, "BTCUSDT");
    assert_eq!(message.event_time_ns, 1_700_000_000_123_456_000);
    assert_eq!(message.update_id, 4_831_257_790);
    assert_eq!(message.bid, Some(level("41000.50", "0.02")));
    assert_eq!(message.ask, Some(level("41000.51", "0.003")));
}

#[test]
fn a_depth_snapshot_is_read_where_the_schema_has_it() {
    let frame = hex(DEPTH_SNAPSHOT);
    let Message::DepthSnapshot(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!(message.symbol, "BTCUSDT");
    assert_eq!(message.event_time_ns, 1_700_000_000_123_456_000);
    assert_eq!(message.update_id, 4_831_257_790);
    assert_eq!(told(message.bids), texts(&[("41000.50", "0.02000"), ("41000.49", "0.00300")]));
    assert_eq!(told(message.asks), texts(&[("41000.51", "0.00077")]));
}

#[test]
fn a_depth_diff_is_read_where_the_schema_has_it() {
    let frame = hex(DEPTH_DIFF);
    let Message::DepthDiff(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!(message.symbol, "１２");
    assert_eq!(message.event_time_ns, 1_700_000_000_123_456_000);
    assert_eq!((message.first_id, message.last_id), (4_831_257_790, 4_831_257_791));
    assert_eq!(told(message.bids), texts(&[("41000.49", "0.00000")]));
    assert_eq!(message.asks.len(), 0);
}

#[test]
fn a_diff_may_cover_one_update() {
    let frame = hex(&DEPTH_DIFF.replace("bf24f71f01000000", "be24f71f01000000"));
    let Message::DepthDiff(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!((message.first_id, message.last_id), (4_831_257_790, 4_831_257_790));
}

#[test]
fn the_encoder_writes_the_layouts_of_the_schema() {
    let exponents = Exponents { price: -2, quantity: -5 };
    let event_time_us = 1_700_000_000_123_456;
    let level = |price, quantity| encode::Level { price, quantity };
    let trade = |id, price, quantity, buyer_is_maker| encode::Trade { id, price, quantity, buyer_is_maker };
    let rows = [
        (
            TRADES,
            encode::Message::Trades(encode::Trades {
                event_time_us,
                transact_time_us: 1_700_000_000_123_400,
                exponents: Exponents { price: -2, quantity: -8 },
                trades: &[
                    trade(90_071_992_547, 4_100_050, 150_000, true),
                    trade(90_071_992_550, 4_100_051, 1, false),
                ],
                symbol: "BTCUSDT",
            }),
        ),
        (
            BEST_BID_ASK,
            encode::Message::BestBidAsk(encode::BestBidAsk {
                event_time_us,
                update_id: 4_831_257_790,
                exponents,
                bid: level(4_100_050, 2000),
                ask: level(4_100_051, 300),
                symbol: "BTCUSDT",
            }),
        ),
        (
            DEPTH_SNAPSHOT,
            encode::Message::DepthSnapshot(encode::DepthSnapshot {
                event_time_us,
                update_id: 4_831_257_790,
                exponents,
                bids: &[level(4_100_050, 2000), level(4_100_049, 300)],
                asks: &[level(4_100_051, 77)],
                symbol: "BTCUSDT",
            }),
        ),
        (
            DEPTH_DIFF,
            encode::Message::DepthDiff(encode::DepthDiff {
                event_time_us,
                first_id: 4_831_257_790,
                last_id: 4_831_257_791,
                exponents,
                bids: &[level(4_100_049, 0)],
                asks: &[],
                symbol: "１２",
            }),
        ),
    ];
    for (layout, message) in rows {
        assert_eq!(encode::encode(&message, Layout::default()), hex(layout), "{message:?}");
    }
}

#[test]
fn fields_that_a_later_version_appended_are_skipped() {
    let later = "
        1d00 1327 0100 0700
        4022201824 0a0600 be24f71f01000000 bf24f71f01000000 fe fb 010203
        1200 0200
        d18f3e0000000000 0000000000000000 aabb
        d28f3e0000000000 4d00000000000000 ccdd
        1100 0100
        d38f3e0000000000 2c01000000000000 ee
        07 42544355534454";
    let frame = hex(later);
    let Message::DepthDiff(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!(told(message.bids), texts(&[("41000.49", "0.00000"), ("41000.50", "0.00077")]));
    assert_eq!(told(message.asks), texts(&[("41000.51", "0.00300")]));
    assert_eq!(message.symbol, "BTCUSDT");
}

#[test]
fn every_truncation_of_a_frame_is_refused() {
    for text in FRAMES {
        let frame = hex(text);
        for length in 0..frame.len() {
            let error = sbe::decode(&frame[..length]).unwrap_err();
            assert!(matches!(error, Error::Truncated(_)), "{length} bytes of {text}: {error}");
        }
    }
    assert_eq!(sbe::decode(&hex(TRADES)[..7]).unwrap_err(), Error::Truncated("the header"));
    assert_eq!(sbe::decode(&hex(DEPTH_SNAPSHOT)[..33]).unwrap_err(), Error::Truncated("bids"));
}

#[test]
fn bytes_after_the_symbol_are_refused() {
    for text in FRAMES {
        let frame = hex(&format!("{text} 0000"));
        assert_eq!(sbe::decode(&frame).unwrap_err(), Error::Trailing { bytes: 2 });
    }
}

#[test]
fn blocks_too_short_for_the_known_fields_are_refused() {
    let too_short = |part, length| Error::BlockTooShort { part, length };
    let rows = [
        (TRADES.replacen("1200", "1100", 1), too_short("TradesStreamEvent", 17)),
        (BEST_BID_ASK.replacen("3200", "3100", 1), too_short("BestBidAskStreamEvent", 49)),
        (DEPTH_SNAPSHOT.replacen("1200", "0000", 1), too_short("DepthSnapshotStreamEvent", 0)),
        (DEPTH_DIFF.replacen("1a00", "1900", 1), too_short("DepthDiffStreamEvent", 25)),
        (TRADES.replace("1900 0200", "1800 0200"), too_short("trades", 24)),
        (TRADES.replace("1900 0200", "0000 0200"), too_short("trades", 0)),
        (DEPTH_SNAPSHOT.replace("1000 0200", "0f00 0200"), too_short("bids", 15)),
        (DEPTH_SNAPSHOT.replace("1000 0100", "0000 0100"), too_short("asks", 0)),
    ];
    for (text, expected) in rows {
        assert_eq!(sbe::decode(&hex(&text)).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn an_empty_group_may_give_its_entries_any_length() {
    for length in ["0000", "1000", "ffff"] {
        let frame = hex(&DEPTH_DIFF.replace("1000 0000", &format!("{length} 0000")));
        let Message::DepthDiff(message) = sbe::decode(&frame).unwrap() else { panic!() };
        assert_eq!((message.bids.len(), message.asks.len(), message.symbol), (1, 0, "１２"));
    }
}

#[test]
fn a_count_beyond_the_frame_is_refused() {
    let text = TRADES.replace("1900 02000000", "ffff ffffffff");
    assert_eq!(sbe::decode(&hex(&text)).unwrap_err(), Error::Truncated("trades"));
    let text = DEPTH_DIFF.replace("1000 0100", "ffff ffff");
    assert_eq!(sbe::decode(&hex(&text)).unwrap_err(), Error::Truncated("bids"));
}

#[test]
fn only_the_market_data_schema_is_read() {
    for (schema, id) in [("0000", 0), ("0200", 2), ("0300", 3)] {
        let text = BEST_BID_ASK.replacen("1127 0100", &format!("1127 {schema}"), 1);
        assert_eq!(sbe::decode(&hex(&text)).unwrap_err(), Error::UnknownSchema(id));
    }
}

#[test]
fn an_unknown_template_is_told_by_its_number() {
    for (header, id) in [("0400 1427 0100 0000 01", 10_004), ("0000 0000 0100 0000", 0)] {
        let frame = hex(header);
        let Message::Other { template_id } = sbe::decode(&frame).unwrap() else { panic!() };
        assert_eq!(template_id, id);
    }
}

#[test]
fn a_symbol_that_is_not_text_is_refused() {
    let text = BEST_BID_ASK.replace("42544355534454", "42ff4355534454");
    assert_eq!(sbe::decode(&hex(&text)).unwrap_err(), Error::SymbolNotUtf8);
    let cut_character = DEPTH_DIFF.replace("06 efbc91efbc92", "05 efbc91efbc");
    assert_eq!(sbe::decode(&hex(&cut_character)).unwrap_err(), Error::SymbolNotUtf8);
}

#[test]
fn a_best_side_of_nulls_is_no_side_and_half_of_one_is_refused() {
    const NULL: &str = "0000000000000080";
    let bid = |price: &str, quantity: &str| {
        hex(&BEST_BID_ASK.replace("d28f3e0000000000 d007000000000000", &format!("{price} {quantity}")))
    };
    let frame = bid(NULL, NULL);
    let Message::BestBidAsk(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!((message.bid, message.ask), (None, Some(level("41000.51", "0.003"))));
    let error = sbe::decode(&bid(NULL, "d007000000000000")).map(drop).unwrap_err();
    assert_eq!(error, refused("bidPrice", Fault::Null));
    let error = sbe::decode(&bid("d28f3e0000000000", NULL)).map(drop).unwrap_err();
    assert_eq!(error, refused("bidQty", Fault::Null));
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    const NULL: &str = "0000000000000080";
    const MINUS_ONE: &str = "ffffffffffffffff";
    let rows = [
        (TRADES.replacen("4022201824 0a0600", NULL, 1), refused("eventTime", Fault::Null)),
        (TRADES.replace("0822201824 0a0600", MINUS_ONE), refused("transactTime", Fault::Negative)),
        (TRADES.replace("e688b5f814000000", NULL), refused("trades.id", Fault::Null)),
        (TRADES.replace("d38f3e0000000000", NULL), refused("trades.price", Fault::Null)),
        (TRADES.replace("f049020000000000", MINUS_ONE), refused("trades.qty", Fault::Negative)),
        (
            TRADES.replace("0100000000000000 00", "0100000000000000 02"),
            refused("trades.isBuyerMaker", Fault::NotBoolean),
        ),
        (DEPTH_SNAPSHOT.replace("be24f71f01000000", MINUS_ONE), refused("bookUpdateId", Fault::Negative)),
        (DEPTH_SNAPSHOT.replace("d18f3e0000000000", NULL), refused("bids.price", Fault::Null)),
        (DEPTH_SNAPSHOT.replace("4d00000000000000", NULL), refused("asks.qty", Fault::Null)),
        (DEPTH_DIFF.replace("be24f71f01000000", NULL), refused("firstBookUpdateId", Fault::Null)),
        (DEPTH_DIFF.replace("bf24f71f01000000", NULL), refused("lastBookUpdateId", Fault::Null)),
        (
            DEPTH_DIFF.replace("be24f71f01000000", "c024f71f01000000"),
            Error::Backwards { first_id: 4_831_257_792, last_id: 4_831_257_791 },
        ),
        // An exponent of 18 leaves room for one digit, one of -127 for none.
        (BEST_BID_ASK.replace("fe fb", "12 fb"), refused("bidPrice", Fault::OutOfRange)),
        (BEST_BID_ASK.replace("fe fb", "fe 81"), refused("bidQty", Fault::OutOfRange)),
    ];
    for (text, expected) in rows {
        assert_eq!(sbe::decode(&hex(&text)).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn an_exponent_above_zero_and_one_below_minus_18_are_exact() {
    let frame = hex(&BEST_BID_ASK.replace("fe fb", "02 ec"));
    // Quantities at 10^-20: 2000 is 2 × 10^-17, 300 is 3 × 10^-18.
    let Message::BestBidAsk(message) = sbe::decode(&frame).unwrap() else { panic!() };
    assert_eq!(message.bid, Some(level("410005000", "0.00000000000000002")));
    assert_eq!(message.ask, Some(level("410005100", "0.000000000000000003")));
}

#[test]
fn decoding_allocates_nothing() {
    for text in FRAMES {
        let frame = hex(text);
        let bad = hex(&format!("{text} 00"));
        let mut entries = 0;
        let measured = allocation_counter::measure(|| {
            assert!(sbe::decode(&bad).is_err());
            entries += match sbe::decode(&frame).unwrap() {
                Message::Trades(message) => message.trades.count(),
                Message::DepthSnapshot(message) => message.bids.chain(message.asks).count(),
                Message::DepthDiff(message) => message.bids.chain(message.asks).count(),
                _ => 0,
            };
        });
        assert_eq!(measured.count_total, 0, "{text}");
    }
}

/// The numbers of a message that is to be written, owned.
#[derive(Debug, Clone)]
struct Drawn {
    template: u8,
    times: (i64, i64),
    ids: (i64, i64),
    exponents: (i8, i8),
    bids: Vec<(i64, i64)>,
    asks: Vec<(i64, i64)>,
    symbol: String,
    layout: (u16, u16, u16),
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let mantissa = || prop_oneof![Just(0), 0..=i64::MAX, (0_i64..100_000).prop_map(|n| n * 10_000_000_000)];
    let levels = || vec((mantissa(), mantissa()), 0..6);
    let time = || 0..=18_446_744_073_709_551_i64;
    let symbol = "[A-Z0-9１二é]{0,12}";
    let parts = (
        (0_u8..4, (time(), time()), (0..=i64::MAX, 0..=i64::MAX)),
        ((-22_i8..=3, -22_i8..=3), levels(), levels()),
        (symbol, (any::<u16>(), 0_u16..40, 0_u16..40)),
    );
    parts.prop_map(|((template, times, (a, b)), (exponents, bids, asks), (symbol, layout))| {
        let ids = (a.min(b), a.max(b));
        Drawn { template, times, ids, exponents, bids, asks, symbol, layout }
    })
}

impl Drawn {
    fn frame(&self) -> Vec<u8> {
        let level = |(price, quantity): &(i64, i64)| encode::Level { price: *price, quantity: *quantity };
        let bids: Vec<_> = self.bids.iter().map(level).collect();
        let asks: Vec<_> = self.asks.iter().map(level).collect();
        let trades: Vec<_> = self.trades().collect();
        let exponents = Exponents { price: self.exponents.0, quantity: self.exponents.1 };
        let (event_time_us, symbol) = (self.times.0, self.symbol.as_str());
        let (bids, asks, update_id) = (bids.as_slice(), asks.as_slice(), self.ids.1);
        let message = match self.template {
            0 => encode::Message::Trades(encode::Trades {
                event_time_us,
                transact_time_us: self.times.1,
                exponents,
                trades: &trades,
                symbol,
            }),
            1 => {
                let [bid, ask] = self.best().map(|pair| level(&pair));
                encode::Message::BestBidAsk(encode::BestBidAsk {
                    event_time_us,
                    update_id,
                    exponents,
                    bid,
                    ask,
                    symbol,
                })
            }
            2 => encode::Message::DepthSnapshot(encode::DepthSnapshot {
                event_time_us,
                update_id,
                exponents,
                bids,
                asks,
                symbol,
            }),
            _ => encode::Message::DepthDiff(encode::DepthDiff {
                event_time_us,
                first_id: self.ids.0,
                last_id: update_id,
                exponents,
                bids,
                asks,
                symbol,
            }),
        };
        let (version, root_appended, entry_appended) = self.layout;
        encode::encode(&message, Layout { version, root_appended, entry_appended })
    }

    fn trades(&self) -> impl Iterator<Item = encode::Trade> {
        self.bids.iter().enumerate().map(|(at, (price, quantity))| encode::Trade {
            id: i64::try_from(at).unwrap(),
            price: *price,
            quantity: *quantity,
            buyer_is_maker: at % 2 == 1,
        })
    }

    fn best(&self) -> [(i64, i64); 2] {
        [&self.bids, &self.asks].map(|side| side.first().copied().unwrap_or((i64::MIN, i64::MIN)))
    }

    /// The levels that are to be read, if every number of them can be held, read as a text.
    fn expected(&self, pairs: &[(i64, i64)]) -> Option<Vec<Level>> {
        let number = |mantissa: i64, exponent: i8| format!("{mantissa}e{exponent}").parse::<Decimal>().ok();
        let level = |(price, quantity): &(i64, i64)| {
            Some(Level {
                price: number(*price, self.exponents.0)?,
                quantity: number(*quantity, self.exponents.1)?,
            })
        };
        pairs.iter().map(level).collect()
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(drawn in drawn()) {
        let frame = drawn.frame();
        let decoded = sbe::decode(&frame);
        let sides = match drawn.template {
            0 => drawn.expected(&drawn.bids).map(|bids| (bids, Vec::new())),
            1 => {
                let first = |levels: &[(i64, i64)]| drawn.expected(&levels[..levels.len().min(1)]);
                first(&drawn.bids).zip(first(&drawn.asks))
            }
            _ => drawn.expected(&drawn.bids).zip(drawn.expected(&drawn.asks)),
        };
        let Some((bids, asks)) = sides else {
            let value = matches!(decoded, Err(Error::Value { fault: Fault::OutOfRange, .. }));
            prop_assert!(value, "{decoded:?}");
            return Ok(());
        };
        let time_ns = |us: i64| u64::try_from(us).unwrap() * 1000;
        let (first_id, last_id) = (drawn.ids.0.unsigned_abs(), drawn.ids.1.unsigned_abs());
        let (symbol, event_time_ns) = match decoded.unwrap() {
            Message::Trades(message) => {
                prop_assert_eq!(message.trade_time_ns, time_ns(drawn.times.1));
                prop_assert_eq!(message.trades.len(), bids.len());
                for ((trade, level), raw) in message.trades.zip(&bids).zip(drawn.trades()) {
                    prop_assert_eq!((trade.price, trade.quantity), (level.price, level.quantity));
                    prop_assert_eq!((trade.id, trade.buyer_is_maker), (raw.id.unsigned_abs(), raw.buyer_is_maker));
                }
                (message.symbol, message.event_time_ns)
            }
            Message::BestBidAsk(message) => {
                prop_assert_eq!((message.bid, message.ask), (bids.first().copied(), asks.first().copied()));
                prop_assert_eq!(message.update_id, last_id);
                (message.symbol, message.event_time_ns)
            }
            Message::DepthSnapshot(message) => {
                prop_assert_eq!((message.bids.collect(), message.asks.collect()), (bids, asks));
                prop_assert_eq!(message.update_id, last_id);
                (message.symbol, message.event_time_ns)
            }
            Message::DepthDiff(message) => {
                prop_assert_eq!((message.bids.collect(), message.asks.collect()), (bids, asks));
                prop_assert_eq!((message.first_id, message.last_id), (first_id, last_id));
                (message.symbol, message.event_time_ns)
            }
            other => panic!("{other:?}"),
        };
        prop_assert_eq!((symbol, event_time_ns), (drawn.symbol.as_str(), time_ns(drawn.times.0)));
    }

    #[test]
    fn every_truncation_of_what_is_written_is_refused(drawn in drawn(), cut in any::<prop::sample::Index>()) {
        let frame = drawn.frame();
        prop_assert!(sbe::decode(&frame[..cut.index(frame.len())]).is_err());
    }

    #[test]
    fn a_damaged_frame_is_an_answer_and_no_panic(
        drawn in drawn(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut frame = drawn.frame();
        for (at, byte) in damage {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if let Ok(Message::DepthDiff(diff)) = sbe::decode(&frame) {
            let (bids, asks) = (diff.bids.len(), diff.asks.len());
            prop_assert_eq!((diff.bids.count(), diff.asks.count()), (bids, asks));
        }
    }
}
