//! A message to a frame of SBE, as the venue would send it.
//!
//! The numbers are those of the wire, so that everything can be written that a venue could send, mistakes included.

/// The numbers of the venue's schema `spot_stream`.
const SCHEMA_ID: u16 = 1;
const TRADES: u16 = 10_000;
const BEST_BID_ASK: u16 = 10_001;
const DEPTH_SNAPSHOT: u16 = 10_002;
const DEPTH_DIFF: u16 = 10_003;

/// What appended fields are filled with.
const APPENDED: u8 = 0xA5;

/// The bytes of the known fields.
const TRADE_BYTES: u16 = 25;
const LEVEL_BYTES: u16 = 16;

/// The powers of ten that the prices and quantities of a message are multiples of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exponents {
    /// Of the prices.
    pub(crate) price: i8,
    /// Of the quantities.
    pub(crate) quantity: i8,
}

/// A message to write. Null is -2^63 in any of its 64-bit numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// Template 10000.
    Trades(Trades<'a>),
    /// Template 10001.
    BestBidAsk(BestBidAsk<'a>),
    /// Template 10002.
    DepthSnapshot(DepthSnapshot<'a>),
    /// Template 10003.
    DepthDiff(DepthDiff<'a>),
}

/// Trades of one symbol at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trades<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub(crate) event_time_us: i64,
    /// When the trades happened, in microseconds since the Unix epoch.
    pub(crate) transact_time_us: i64,
    /// Of the numbers in `trades`.
    pub(crate) exponents: Exponents,
    /// The trades, at most 2^32 - 1.
    pub(crate) trades: &'a [Trade],
    /// The symbol, at most 255 bytes.
    pub(crate) symbol: &'a str,
}

/// A trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trade {
    /// Its id.
    pub(crate) id: i64,
    /// The price's mantissa.
    pub(crate) price: i64,
    /// The quantity's mantissa.
    pub(crate) quantity: i64,
    /// Whether the buyer's order stood in the book.
    pub(crate) buyer_is_maker: bool,
}

/// The best bid and ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BestBidAsk<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub(crate) event_time_us: i64,
    /// The id of the book update after which they stand.
    pub(crate) update_id: i64,
    /// Of the numbers in `bid` and `ask`.
    pub(crate) exponents: Exponents,
    /// The best bid.
    pub(crate) bid: Level,
    /// The best ask.
    pub(crate) ask: Level,
    /// The symbol, at most 255 bytes.
    pub(crate) symbol: &'a str,
}

/// The best levels of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DepthSnapshot<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub(crate) event_time_us: i64,
    /// The id of the last book update in it.
    pub(crate) update_id: i64,
    /// Of the numbers in `bids` and `asks`.
    pub(crate) exponents: Exponents,
    /// The best bids, at most 65535.
    pub(crate) bids: &'a [Level],
    /// The best asks, at most 65535.
    pub(crate) asks: &'a [Level],
    /// The symbol, at most 255 bytes.
    pub(crate) symbol: &'a str,
}

/// Changes of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DepthDiff<'a> {
    /// When it is sent, in microseconds since the Unix epoch.
    pub(crate) event_time_us: i64,
    /// The first book update that it covers.
    pub(crate) first_id: i64,
    /// The last book update that it covers.
    pub(crate) last_id: i64,
    /// Of the numbers in `bids` and `asks`.
    pub(crate) exponents: Exponents,
    /// Changed bids, at most 65535.
    pub(crate) bids: &'a [Level],
    /// Changed asks, at most 65535.
    pub(crate) asks: &'a [Level],
    /// The symbol, at most 255 bytes.
    pub(crate) symbol: &'a str,
}

/// A price level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    /// The price's mantissa.
    pub(crate) price: i64,
    /// The quantity's mantissa.
    pub(crate) quantity: i64,
}

/// The version to write, and how much longer than in version 0 its blocks are. The default is version 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The version of the schema.
    pub(crate) version: u16,
    /// Bytes appended to the root block.
    pub(crate) root_appended: u16,
    /// Bytes appended to each entry of a group.
    pub(crate) entry_appended: u16,
}

/// The frame of a message; panics where the format cannot tell it.
pub(crate) fn encode(message: &Message<'_>, layout: Layout) -> Vec<u8> {
    let mut writer = Writer { layout, out: Vec::new() };
    match message {
        Message::Trades(trades) => writer.trades(trades),
        Message::BestBidAsk(best) => writer.best_bid_ask(best),
        Message::DepthSnapshot(snapshot) => writer.depth_snapshot(snapshot),
        Message::DepthDiff(diff) => writer.depth_diff(diff),
    }
    writer.out
}

struct Writer {
    layout: Layout,
    out: Vec<u8>,
}

impl Writer {
    fn trades(&mut self, trades: &Trades<'_>) {
        self.header(TRADES, 18);
        self.i64s(&[trades.event_time_us, trades.transact_time_us]);
        self.exponents(trades.exponents);
        self.append(self.layout.root_appended);
        let count = u32::try_from(trades.trades.len()).unwrap();
        self.entry_length(TRADE_BYTES);
        self.out.extend(count.to_le_bytes());
        for trade in trades.trades {
            self.i64s(&[trade.id, trade.price, trade.quantity]);
            self.out.push(trade.buyer_is_maker.into());
            self.append(self.layout.entry_appended);
        }
        self.symbol(trades.symbol);
    }

    fn best_bid_ask(&mut self, best: &BestBidAsk<'_>) {
        self.header(BEST_BID_ASK, 50);
        self.i64s(&[best.event_time_us, best.update_id]);
        self.exponents(best.exponents);
        self.i64s(&[best.bid.price, best.bid.quantity, best.ask.price, best.ask.quantity]);
        self.append(self.layout.root_appended);
        self.symbol(best.symbol);
    }

    fn depth_snapshot(&mut self, snapshot: &DepthSnapshot<'_>) {
        self.header(DEPTH_SNAPSHOT, 18);
        self.i64s(&[snapshot.event_time_us, snapshot.update_id]);
        self.exponents(snapshot.exponents);
        self.append(self.layout.root_appended);
        self.levels(snapshot.bids);
        self.levels(snapshot.asks);
        self.symbol(snapshot.symbol);
    }

    fn depth_diff(&mut self, diff: &DepthDiff<'_>) {
        self.header(DEPTH_DIFF, 26);
        self.i64s(&[diff.event_time_us, diff.first_id, diff.last_id]);
        self.exponents(diff.exponents);
        self.append(self.layout.root_appended);
        self.levels(diff.bids);
        self.levels(diff.asks);
        self.symbol(diff.symbol);
    }

    fn header(&mut self, template_id: u16, known: u16) {
        let length = longer(known, self.layout.root_appended);
        for number in [length, template_id, SCHEMA_ID, self.layout.version] {
            self.out.extend(number.to_le_bytes());
        }
    }

    fn levels(&mut self, levels: &[Level]) {
        let count = u16::try_from(levels.len()).unwrap();
        self.entry_length(LEVEL_BYTES);
        self.out.extend(count.to_le_bytes());
        for level in levels {
            self.i64s(&[level.price, level.quantity]);
            self.append(self.layout.entry_appended);
        }
    }

    fn entry_length(&mut self, known: u16) {
        self.out.extend(longer(known, self.layout.entry_appended).to_le_bytes());
    }

    fn symbol(&mut self, symbol: &str) {
        let length = u8::try_from(symbol.len()).unwrap();
        self.out.push(length);
        self.out.extend(symbol.as_bytes());
    }

    fn exponents(&mut self, exponents: Exponents) {
        self.out.extend(exponents.price.to_le_bytes());
        self.out.extend(exponents.quantity.to_le_bytes());
    }

    fn i64s(&mut self, numbers: &[i64]) {
        self.out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn append(&mut self, count: u16) {
        self.out.extend(std::iter::repeat_n(APPENDED, count.into()));
    }
}

fn longer(known: u16, appended: u16) -> u16 {
    known.checked_add(appended).unwrap()
}
