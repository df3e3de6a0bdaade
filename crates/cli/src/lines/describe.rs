//! What a line says of an event.

use super::link::{link, nanos};
use serde_json::{Map, Value, json};
use tickwire::venue::{
    BookChange, BookEvent, Candle, CandleOf, Decimal, Error, Event, Gap, Instrument, Interval, Level,
    Liquidation, Mark, Outcome, Rejection, Request, Session, Side, Status, StatusKind, Ticker, Trade,
};

/// Where an event comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin {
    /// When its message was read, or it was learnt of, by our clock.
    pub(crate) received_ns: Option<u64>,
    /// Which line or, of a recording, which record it was, from 1.
    pub(crate) line: Option<u64>,
}

/// The line of an event, whose symbol is still a number.
#[derive(Debug)]
pub(super) struct Line {
    instrument: Option<Instrument>,
    rest: Value,
    event: &'static str,
    received_ns: Option<u64>,
}

impl Line {
    pub(super) fn of(event: &Event<'_>, from: Origin) -> Self {
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
            Event::Funding(e) => {
                let rest =
                    json!({"venue_time_ns": e.venue_time_ns, "rate": text(e.rate), "index": maybe(e.index)});
                (Some(e.instrument), ("funding", rest))
            }
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
            Event::Link(e) => (None, ("link", link(e))),
            Event::Unreadable(e) => (None, ("error", error(e, from.line))),
            event => request(event),
        };
        Self { instrument, rest, event, received_ns: from.received_ns }
    }

    /// The object, with the symbol in it.
    pub(super) fn named(self, session: &impl Session) -> Value {
        let symbol = self.instrument.and_then(|instrument| session.symbol(instrument)).map(str::to_owned);
        self.of_symbol(symbol)
    }

    /// The object of what is about no instrument.
    pub(super) fn unnamed(self) -> Value {
        self.of_symbol(None)
    }

    fn of_symbol(self, symbol: Option<String>) -> Value {
        let mut object = Map::new();
        object.insert("event".into(), self.event.into());
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

fn trade(e: &Trade) -> Value {
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
        Event::Subscribed { stream, pending } => {
            (None, ("status", json!({"status": "subscribed", "stream": stream, "pending": pending})))
        }
        Event::Unsubscribed { stream } => {
            (None, ("status", json!({"status": "unsubscribed", "stream": stream})))
        }
        Event::Gap(Gap { stream, instrument, after, through }) => {
            (*instrument, ("stream_gap", json!({"stream": stream, "after": after, "through": through})))
        }
        Event::Silent { stream, since } => {
            (None, ("silent", json!({"stream": stream, "since_ns": nanos(*since)})))
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

fn error(error: &Error, line: Option<u64>) -> Value {
    let (stream, offset) = match error {
        Error::Malformed { stream, offset, .. } => (stream.as_deref(), *offset),
        _ => (None, None),
    };
    json!({"line": line, "stream": stream, "offset": offset, "detail": error.to_string()})
}

fn word(request: Request) -> &'static str {
    match request {
        Request::Subscribe => "subscribe",
        Request::Unsubscribe => "unsubscribe",
        Request::Snapshot => "snapshot",
        Request::SignIn => "sign_in",
        Request::Heartbeat => "heartbeat",
        _ => "unknown",
    }
}

/// A kind in a word.
pub(crate) fn status(kind: StatusKind) -> &'static str {
    match kind {
        StatusKind::Shutdown => "shutdown",
        StatusKind::Maintenance => "maintenance",
        StatusKind::Locked => "locked",
        StatusKind::Unlocked => "unlocked",
        StatusKind::TradingSession => "trading_session",
        StatusKind::Announcement => "announcement",
        StatusKind::Silent => "silent",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::time::Duration;
    use tickwire::venue::{
        Delta, Funding, Index, InstrumentState, LinkChange, LinkEvent, Misuse, Quote, Route, Snapshot,
        TopCheck,
    };

    const OF: Instrument = Instrument(0);
    const UNREADABLE: Error = Error::Misuse(Misuse::Undrained);
    const ONE: Decimal = Decimal::new(1, 0).unwrap();

    fn of_the_market() -> Vec<Event<'static>> {
        let ticker = Ticker {
            instrument: OF,
            last: None,
            open: None,
            high: None,
            low: None,
            volume: None,
            turnover: None,
            bid: None,
            ask: None,
            mark: None,
            index: None,
            open_interest: None,
            venue_time_ns: 1,
        };
        let mark = Mark {
            instrument: OF,
            price: ONE,
            index: None,
            funding_rate: None,
            next_funding_ns: None,
            implied_volatility: None,
            venue_time_ns: 1,
        };
        let candle = Candle {
            instrument: OF,
            of: CandleOf::Trades,
            interval: Interval::Month,
            open_time_ns: 1,
            close_time_ns: None,
            open: ONE,
            high: ONE,
            low: ONE,
            close: ONE,
            volume: None,
            turnover: None,
            trades: None,
            closed: None,
            venue_time_ns: None,
        };
        let liquidation = Liquidation {
            instrument: OF,
            side: Side::Ask,
            price: ONE,
            average_price: None,
            quantity: ONE,
            filled: None,
            venue_time_ns: 1,
        };
        vec![
            Event::Ticker(ticker),
            Event::Mark(mark),
            Event::Funding(Funding { instrument: OF, rate: ONE, index: None, venue_time_ns: 1 }),
            Event::Index(Index { instrument: OF, price: ONE, venue_time_ns: 1 }),
            Event::Candle(candle),
            Event::Liquidation(liquidation),
            Event::State(InstrumentState {
                instrument: OF,
                state: "open",
                open: true,
                venue_time_ns: Some(1),
            }),
        ]
    }

    fn of_books() -> Vec<Event<'static>> {
        let trade = Trade {
            instrument: OF,
            id: 1,
            price: ONE,
            quantity: ONE,
            taker: Side::Bid,
            fills: None,
            venue_time_ns: 1,
            event_time_ns: 1,
        };
        let delta = Delta {
            instrument: OF,
            first_id: 1,
            last_id: 1,
            previous_id: None,
            bids: &[],
            asks: &[],
            venue_time_ns: 1,
        };
        let snapshot = Snapshot {
            instrument: OF,
            update_id: 1,
            bids: &[],
            asks: &[],
            partial: false,
            venue_time_ns: None,
        };
        let nothing = (None, None);
        vec![
            Event::Trade(trade),
            Event::Quote(Quote {
                instrument: OF,
                update_id: None,
                bid: None,
                ask: None,
                venue_time_ns: None,
            }),
            Event::Snapshot(snapshot),
            Event::Delta(delta),
            Event::Book(BookEvent { instrument: OF, change: BookChange::Synced { update_id: 1 } }),
            Event::Check(TopCheck {
                instrument: OF,
                update_id: 1,
                agrees: true,
                quote: nothing,
                book: nothing,
            }),
        ]
    }

    fn of_the_session() -> Vec<Event<'static>> {
        let rejection = Rejection {
            request: Request::Unsubscribe,
            instrument: None,
            code: 1,
            message: "no",
            outcome: Outcome::Final,
        };
        vec![
            Event::Subscribed { stream: "a@trade", pending: 0 },
            Event::Unsubscribed { stream: "a@trade" },
            Event::Silent { stream: "a@trade", since: Duration::from_secs(60) },
            Event::Gap(Gap { stream: "a@trade", instrument: None, after: 1, through: 2 }),
            Event::Link(LinkEvent {
                route: Route::first(0),
                name: "stream",
                place: 0,
                change: LinkChange::Retiring,
            }),
            Event::Unreadable(&UNREADABLE),
            Event::Missing { stream: "quote.A" },
            Event::Rejected(rejection),
            Event::Unanswered { request: Request::Heartbeat, instrument: None },
            Event::SignedIn,
            Event::Account { kind: "order", venue_time_ns: None },
            Event::Status(Status { kind: StatusKind::Locked, text: "btc_usd", venue_time_ns: None }),
            Event::Other { kind: "new" },
        ]
    }

    /// The names of the events that the venue crate has, from its source: no match on them can be exhaustive here.
    fn names() -> BTreeSet<&'static str> {
        let source = include_str!("../../../venue/src/event/mod.rs");
        let (_, events) = source.split_once("pub enum Event<'a> {\n").unwrap();
        let (events, _) = events.split_once("\n}\n").unwrap();
        let variant = |line: &'static str| {
            line.strip_prefix("    ").filter(|rest| rest.starts_with(char::is_uppercase))
        };
        let name = |rest: &'static str| rest.split(['(', ' ', ',']).next().unwrap();
        events.lines().filter_map(variant).map(name).collect()
    }

    #[test]
    fn every_event_of_the_venue_crate_has_a_line_of_its_own() {
        let events = [of_the_market(), of_books(), of_the_session()].concat();
        let told: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
        let made: BTreeSet<&str> = told.iter().map(|event| event.split(['(', ' ']).next().unwrap()).collect();
        assert_eq!(made, names());
        for event in &events {
            let line = Line::of(event, Origin::default());
            assert!(!line.rest.to_string().contains("unknown"), "{event:?}: {line:?}");
        }
    }

    #[test]
    fn a_funding_rate_is_told() {
        let event = Funding {
            instrument: OF,
            rate: Decimal::parse(b"0.00012").unwrap(),
            index: None,
            venue_time_ns: 7,
        };
        let line = Line::of(&Event::Funding(event), Origin::default());
        assert_eq!((line.event, line.instrument), ("funding", Some(OF)));
        assert_eq!(line.rest, json!({"venue_time_ns": 7, "rate": "0.00012", "index": null}));
    }
}
