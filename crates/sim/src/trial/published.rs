//! What a venue published and what a feed told, brought to one form. The texts are read by another's JSON, not by that of
//! the feed.

use std::time::Instant;

use serde_json::Value;
use tickwire_venue::{Candle, Delta, Event, Mark, Quote, Ticker, Trade};

/// One update of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Update {
    /// What orders it: an id, or a time in nanoseconds.
    pub(super) id: u64,
    /// The numbers in it that are compared.
    pub(super) numbers: Vec<f64>,
}

/// One update that was published.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Published {
    pub(super) at: Instant,
    pub(super) update: Update,
}

/// Whether the ids of a stream are its own, or times that two updates can share.
pub(super) fn has_ids(stream: &str) -> bool {
    let ids = ["@trade", "@aggTrade", "@bookTicker", "@depth"];
    ids.iter().any(|kind| stream.contains(kind))
        || stream.starts_with("trades.")
        || stream.starts_with("book.")
}

/// Whether a missing update shows by the ids of those around it.
pub(super) fn shows_holes(stream: &str, contiguous_trades: bool) -> bool {
    let chained = stream.contains("@depth") || stream.starts_with("book.") || stream.contains("@aggTrade");
    chained || stream.starts_with("trades.") || (contiguous_trades && stream.contains("@trade"))
}

/// The stream that a text of a connection is of.
pub(super) fn stream_of(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let mut names = ["\"stream\":\"", "\"channel\":\""].into_iter();
    let (_, rest) = names.find_map(|name| text.split_once(name))?;
    Some(rest.split_once('"')?.0)
}

/// The updates in a published text.
pub(super) fn updates(text: &str) -> Vec<Update> {
    let message: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    if let Some(params) = message.get("params") {
        let channel = params["channel"].as_str().unwrap_or_default();
        return of_channel(channel, &params["data"]);
    }
    vec![of_stream(&message)]
}

fn of_stream(message: &Value) -> Update {
    let number = |name: &str| decimal(&message[name]);
    match message["e"].as_str() {
        Some("trade") => update(&message["t"], vec![number("p"), number("q")]),
        Some("aggTrade") => update(&message["a"], vec![number("p"), number("q")]),
        Some("depthUpdate") => update(&message["u"], Vec::new()),
        None | Some("bookTicker") => {
            update(&message["u"], vec![number("b"), number("B"), number("a"), number("A")])
        }
        Some("24hrMiniTicker") => at_time(&message["E"], vec![number("c"), number("v")]),
        Some("markPriceUpdate") => at_time(&message["E"], vec![number("p")]),
        Some("kline") => {
            at_time(&message["E"], vec![decimal(&message["k"]["c"]), decimal(&message["k"]["v"])])
        }
        Some(other) => panic!("a kind of message that a trial does not know: {other}"),
    }
}

fn of_channel(channel: &str, data: &Value) -> Vec<Update> {
    let number = |name: &str| decimal(&data[name]);
    match channel.split('.').next() {
        Some("trades") => {
            let trades = data.as_array().map_or(&[][..], Vec::as_slice);
            let trade = |trade: &Value| {
                update(&trade["trade_seq"], vec![decimal(&trade["price"]), decimal(&trade["amount"])])
            };
            trades.iter().map(trade).collect()
        }
        Some("book") => vec![update(&data["change_id"], Vec::new())],
        Some("quote") => {
            let numbers = ["best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount"];
            vec![at_time(&data["timestamp"], numbers.map(number).into())]
        }
        Some("ticker") => vec![at_time(&data["timestamp"], vec![number("mark_price")])],
        _ => panic!("a channel that a trial does not know: {channel}"),
    }
}

fn update(id: &Value, numbers: Vec<f64>) -> Update {
    Update { id: id.as_u64().unwrap_or_else(|| panic!("an id: {id}")), numbers }
}

/// Times are in milliseconds.
fn at_time(time: &Value, numbers: Vec<f64>) -> Update {
    let Update { id, numbers } = update(time, numbers);
    Update { id: id * 1_000_000, numbers }
}

/// A number, or a string that holds one; nothing is zero.
fn decimal(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0.0)
}

/// The stream and the update of an event; `symbol` names its instrument as the venue does.
pub(super) fn told(event: &Event<'_>, symbol: &str, names: Names) -> Option<(String, Update)> {
    let number = |number: tickwire_venue::Decimal| number.to_string().parse().unwrap_or(f64::NAN);
    let level = |level: Option<tickwire_venue::Level>| {
        level.map_or([0.0, 0.0], |level| [number(level.price), number(level.quantity)])
    };
    let (kind, id, numbers) = match event {
        Event::Trade(Trade { id, price, quantity, fills, .. }) => {
            let kind = if fills.is_some() { names.aggregate } else { names.trade };
            (kind, *id, vec![number(*price), number(*quantity)])
        }
        Event::Quote(Quote { update_id, venue_time_ns, bid, ask, .. }) => {
            let id = update_id.or(*venue_time_ns)?;
            (names.quote, id, [level(*bid), level(*ask)].concat())
        }
        Event::Delta(Delta { last_id, .. }) => (names.diff, *last_id, Vec::new()),
        Event::Ticker(Ticker { venue_time_ns, last, volume, mark, .. }) if names.is_binance => {
            let _ = mark;
            let numbers = [*last, *volume].map(|figure| figure.map_or(0.0, number));
            (names.ticker, *venue_time_ns, numbers.into())
        }
        Event::Ticker(Ticker { venue_time_ns, mark, .. }) => {
            (names.ticker, *venue_time_ns, vec![mark.map_or(0.0, number)])
        }
        Event::Mark(Mark { venue_time_ns, price, .. }) if names.is_binance => {
            (names.mark, *venue_time_ns, vec![number(*price)])
        }
        Event::Candle(Candle { venue_time_ns, close, volume, .. }) => {
            (names.candle, (*venue_time_ns)?, vec![number(*close), volume.map_or(0.0, number)])
        }
        _ => return None,
    };
    Some((names.of(kind, symbol), Update { id, numbers }))
}

/// What a venue calls the streams of one symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    is_binance: bool,
    trade: &'static str,
    aggregate: &'static str,
    quote: &'static str,
    diff: &'static str,
    ticker: &'static str,
    mark: &'static str,
    candle: &'static str,
}

impl Names {
    pub(super) const BINANCE: Self = Self {
        is_binance: true,
        trade: "trade",
        aggregate: "aggTrade",
        quote: "bookTicker",
        diff: "depth@100ms",
        ticker: "miniTicker",
        mark: "markPrice@1s",
        candle: "kline_1m",
    };
    pub(super) const DERIBIT: Self = Self {
        is_binance: false,
        trade: "trades.*.100ms",
        aggregate: "",
        quote: "quote.*",
        diff: "book.*.100ms",
        ticker: "ticker.*.100ms",
        mark: "",
        candle: "",
    };

    /// All kinds that there are.
    pub(super) fn kinds(self) -> impl Iterator<Item = &'static str> {
        let Self { trade, aggregate, quote, diff, ticker, mark, candle, .. } = self;
        [trade, aggregate, quote, diff, ticker, mark, candle].into_iter().filter(|kind| !kind.is_empty())
    }

    /// The kind whose stream feeds the books.
    pub(super) fn book(self) -> &'static str {
        self.diff
    }

    /// The name of a stream.
    pub(super) fn of(self, kind: &str, symbol: &str) -> String {
        if self.is_binance { format!("{}@{kind}", symbol.to_lowercase()) } else { kind.replace('*', symbol) }
    }
}
