//! What a line says of an event.

use serde_json::{Map, Value, json};
use tickwire::venue::{
    BookChange, BookEvent, Candle, CandleOf, Decimal, Event, Instrument, Interval, Level, Liquidation, Mark,
    Outcome, Rejection, Request, Session, Side, Status, StatusKind, Ticker, Trade,
};

/// The line of an event, whose symbol is still a number.
#[derive(Debug)]
pub(super) struct Line {
    instrument: Option<Instrument>,
    rest: Value,
    event: &'static str,
    received_ns: Option<u64>,
}

impl Line {
    pub(super) fn of(event: &Event<'_>, received_ns: Option<u64>) -> Self {
        let (instrument, (event, rest)) = match event {
            Event::Trade(e) => (Some(e.instrument), ("trade", trade(e))),
            Event::Quote(e) => (
                Some(e.instrument),
                (
                    "quote",
                    json!({"venue_time_ns": e.venue_time_ns, "update_id": e.update_id, "bid": level(e.bid), "ask": level(e.ask)}),
                ),
            ),
            Event::Snapshot(e) => (
                Some(e.instrument),
                (
                    "snapshot",
                    json!({
                        "venue_time_ns": e.venue_time_ns, "update_id": e.update_id, "partial": e.partial,
                        "bids": levels(e.bids), "asks": levels(e.asks),
                    }),
                ),
            ),
            Event::Delta(e) => (
                Some(e.instrument),
                (
                    "delta",
                    json!({
                        "venue_time_ns": e.venue_time_ns, "first_id": e.first_id, "last_id": e.last_id,
                        "previous_id": e.previous_id, "bids": levels(e.bids), "asks": levels(e.asks),
                    }),
                ),
            ),
            Event::Ticker(e) => (Some(e.instrument), ("ticker", ticker(e))),
            Event::Mark(e) => (Some(e.instrument), ("mark", mark(e))),
            Event::Index(e) => {
                let rest = json!({"venue_time_ns": e.venue_time_ns, "price": text(e.price)});
                (Some(e.instrument), ("index", rest))
            }
            Event::Candle(e) => (Some(e.instrument), ("candle", candle(e))),
            Event::Liquidation(e) => (Some(e.instrument), ("liquidation", liquidation(e))),
            Event::State(e) => {
                let rest = json!({"venue_time_ns": e.venue_time_ns, "state": e.state, "open": e.open});
                (Some(e.instrument), ("state", rest))
            }
            Event::Book(e) => (Some(e.instrument), book(e)),
            Event::Check(e) => {
                let side = |(bid, ask)| json!({"bid": level(bid), "ask": level(ask)});
                let rest = json!({
                    "update_id": e.update_id, "agrees": e.agrees, "quote": side(e.quote), "book": side(e.book),
                });
                (Some(e.instrument), ("check", rest))
            }
            event => request(event),
        };
        Self { instrument, rest, event, received_ns }
    }

    /// The object, with the symbol in it.
    pub(super) fn named(self, session: &impl Session) -> Value {
        let mut object = Map::new();
        object.insert("event".into(), self.event.into());
        let symbol = self.instrument.and_then(|instrument| session.symbol(instrument));
        object.insert("symbol".into(), symbol.into());
        if let Value::Object(rest) = self.rest {
            object.extend(rest);
        }
        object.insert("received_ns".into(), self.received_ns.into());
        Value::Object(object)
    }
}

fn text(number: Decimal) -> Value {
    Value::from(number.to_string())
}

fn maybe(number: Option<Decimal>) -> Value {
    number.map_or(Value::Null, text)
}

pub(crate) fn level(level: Option<Level>) -> Value {
    level.map_or(Value::Null, |level| json!([text(level.price), text(level.quantity)]))
}

fn levels(levels: &[Level]) -> Value {
    levels.iter().map(|of| level(Some(*of))).collect()
}

/// A side as who takes or is made to: buys or sells.
fn side(side: Side) -> &'static str {
    match side {
        Side::Bid => "buy",
        Side::Ask => "sell",
    }
}

pub(crate) fn trade(e: &Trade) -> Value {
    let fills = e.fills.map(|fills| [fills.first_id, fills.last_id]);
    json!({
        "venue_time_ns": e.venue_time_ns, "event_time_ns": e.event_time_ns, "id": e.id, "price": text(e.price),
        "quantity": text(e.quantity), "taker": side(e.taker), "fills": fills,
    })
}

fn ticker(e: &Ticker) -> Value {
    json!({
        "venue_time_ns": e.venue_time_ns, "last": maybe(e.last), "open": maybe(e.open), "high": maybe(e.high),
        "low": maybe(e.low), "volume": maybe(e.volume), "turnover": maybe(e.turnover), "bid": level(e.bid),
        "ask": level(e.ask), "mark": maybe(e.mark), "index": maybe(e.index), "open_interest": maybe(e.open_interest),
    })
}

fn mark(e: &Mark) -> Value {
    json!({
        "venue_time_ns": e.venue_time_ns, "price": text(e.price), "index": maybe(e.index),
        "funding_rate": maybe(e.funding_rate), "next_funding_ns": e.next_funding_ns,
        "implied_volatility": maybe(e.implied_volatility),
    })
}

fn candle(e: &Candle) -> Value {
    let of = match e.of {
        CandleOf::Trades => "trades",
        CandleOf::Mark => "mark",
        CandleOf::Index => "index",
        _ => "other",
    };
    let interval = match e.interval {
        Interval::Seconds(seconds) => json!(seconds),
        Interval::Month => json!("month"),
    };
    json!({
        "venue_time_ns": e.venue_time_ns, "of": of, "interval": interval, "open_time_ns": e.open_time_ns,
        "close_time_ns": e.close_time_ns, "open": text(e.open), "high": text(e.high), "low": text(e.low),
        "close": text(e.close), "volume": maybe(e.volume), "turnover": maybe(e.turnover), "trades": e.trades,
        "closed": e.closed,
    })
}

fn liquidation(e: &Liquidation) -> Value {
    json!({
        "venue_time_ns": e.venue_time_ns, "side": side(e.side), "price": text(e.price),
        "average_price": maybe(e.average_price), "quantity": text(e.quantity), "filled": maybe(e.filled),
    })
}

fn book(event: &BookEvent) -> (&'static str, Value) {
    let status = match event.change {
        BookChange::Gap { expected, got } => return ("gap", json!({"expected": expected, "got": got})),
        BookChange::Updated { update_id } => json!({"status": "updated", "update_id": update_id}),
        BookChange::Synced { update_id } => json!({"status": "synced", "update_id": update_id}),
        BookChange::Resynced { update_id } => json!({"status": "resynced", "update_id": update_id}),
        BookChange::Ignored { last_id, update_id } => {
            json!({"status": "ignored", "last_id": last_id, "update_id": update_id})
        }
        BookChange::StaleSnapshot { snapshot_id, first_id } => {
            json!({"status": "stale_snapshot", "snapshot_id": snapshot_id, "first_id": first_id})
        }
        BookChange::Overflow { levels } => json!({"status": "overflow", "levels": levels}),
        BookChange::Trimmed { levels } => json!({"status": "trimmed", "levels": levels}),
        BookChange::Crossed { update_id } => json!({"status": "crossed", "update_id": update_id}),
        BookChange::Suspect { update_id } => json!({"status": "suspect", "update_id": update_id}),
        BookChange::Stale { update_id } => json!({"status": "stale", "update_id": update_id}),
        _ => json!({"status": "other"}),
    };
    ("status", status)
}

/// Events that are about the session: its requests, the venue, whatever else.
fn request(event: &Event<'_>) -> (Option<Instrument>, (&'static str, Value)) {
    match event {
        Event::Subscribed { streams, pending } => {
            (None, ("status", json!({"status": "subscribed", "streams": streams, "pending": pending})))
        }
        Event::Missing { stream } => (None, ("status", json!({"status": "missing", "stream": stream}))),
        Event::Rejected(Rejection { request, instrument, code, message, outcome }) => {
            let again = matches!(outcome, Outcome::Retry(_));
            let rest = json!({
                "status": "rejected", "request": word(*request), "code": code, "message": message, "asks_again": again,
            });
            (*instrument, ("status", rest))
        }
        Event::Unanswered { request, instrument } => {
            (*instrument, ("status", json!({"status": "unanswered", "request": word(*request)})))
        }
        Event::SignedIn => (None, ("status", json!({"status": "signed_in"}))),
        Event::Account { kind, venue_time_ns } => {
            (None, ("account", json!({"venue_time_ns": venue_time_ns, "kind": kind})))
        }
        Event::Status(Status { kind, text, venue_time_ns }) => {
            let rest = json!({"venue_time_ns": venue_time_ns, "status": status(*kind), "text": text});
            (None, ("status", rest))
        }
        Event::Other { kind } => (None, ("other", json!({"kind": kind}))),
        // The other events have lines of their own; this is one that is newer than this program.
        _ => (None, ("other", json!({"kind": "unknown to this program"}))),
    }
}

fn word(request: Request) -> &'static str {
    match request {
        Request::Subscribe => "subscribe",
        Request::Snapshot => "snapshot",
        Request::SignIn => "sign_in",
        _ => "unknown",
    }
}

fn status(kind: StatusKind) -> &'static str {
    match kind {
        StatusKind::Shutdown => "shutdown",
        StatusKind::Maintenance => "maintenance",
        StatusKind::Locked => "locked",
        StatusKind::Unlocked => "unlocked",
        StatusKind::TradingSession => "trading_session",
        StatusKind::Announcement => "announcement",
        _ => "other",
    }
}
