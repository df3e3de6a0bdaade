//! Deribit.

mod books;
mod fields;
mod first;
mod heartbeat;
mod keys;
mod names;
mod number;
mod publish;
mod quotes;
mod row;
mod rpc;
mod session;

use std::time::Duration;

use books::BookStyle;
use keys::Keys;
use names::Kind;
use number::Spelling;
use row::Row;
use session::DeribitSession;

use crate::clock::Now;
use crate::feed::Feed;
use crate::market::{Ids, Instrument, ONE, Size, Style, Terms};
use crate::options::DeribitRules;
use crate::venue::{Answer, Reception, Request, Venue};

/// Of the intervals of channels; the documents disagree about the last.
const CADENCES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_secs(1)];

/// Name, start price, tick and lot, the last three in 0.00000001.
const KNOWN: [(&str, u64, u64, u64); 5] = [
    ("BTC-PERPETUAL", 91_250 * ONE, ONE / 2, 10 * ONE),
    ("ETH-PERPETUAL", 3_020 * ONE, ONE / 20, ONE),
    ("SOL_USDC-PERPETUAL", 140 * ONE, ONE / 100, ONE / 10),
    ("BTC-25DEC26", 92_100 * ONE, 5 * ONE / 2, 10 * ONE),
    ("BTC-25DEC26-80000-C", 3 * ONE / 20, ONE / 10_000, ONE / 10),
];

#[derive(Debug)]
pub(crate) struct Deribit {
    rules: DeribitRules,
    keys: Keys,
    books: BookStyle,
    rows: Vec<Row>,
    /// Names of indexes, each with the place of an instrument above it.
    indexes: Vec<(String, usize)>,
    /// Whether somebody asked for more than the credits were.
    overdrawn: bool,
}

impl Deribit {
    pub(crate) fn new(rules: DeribitRules, instruments: &[Instrument], now: Now) -> Self {
        let mut indexes: Vec<(String, usize)> = Vec::new();
        for (at, instrument) in instruments.iter().enumerate() {
            let name = names::index(&instrument.symbol);
            if indexes.iter().all(|(known, _)| *known != name) {
                indexes.push((name, at));
            }
        }
        Self {
            keys: Keys::new(rules.key.clone(), rules.token_seconds),
            books: BookStyle {
                spelling: Spelling { exponents: rules.exponents },
                worst_first: rules.worst_first,
                without_type: rules.without_type,
            },
            rows: instruments.iter().map(|instrument| Row::of(instrument, now)).collect(),
            indexes,
            overdrawn: false,
            rules,
        }
    }

    fn spelling(&self) -> Spelling {
        self.books.spelling
    }
}

impl Venue for Deribit {
    type Session = DeribitSession;

    fn forgets_window() -> bool {
        false
    }

    fn receive(&mut self, request: &Request<'_>, _: &mut Feed, now: Now) -> Reception<DeribitSession> {
        let event_node = match request.path {
            "/ws/api/v2" => self.rules.event_node,
            "/den/ws" => true,
            _ => return Reception::Answer(Answer::new(404, r#"{"message":"not found"}"#.to_owned())),
        };
        if request.open >= self.rules.connections_max {
            return Reception::Answer(Answer::new(429, r#"{"message":"too many connections"}"#.to_owned()));
        }
        Reception::Upgrade(DeribitSession::new(&self.rules, event_node, now))
    }

    fn take_breach(&mut self) -> Option<&'static str> {
        std::mem::take(&mut self.overdrawn).then_some("more requests than there were credits for")
    }
}

fn style() -> Style {
    Style { ids: Ids::Shared, cadences: CADENCES.len(), empty_diffs: false, terms, size: Size::FULL }
}

fn terms(name: &str) -> Terms {
    let known = KNOWN.iter().find(|known| known.0 == name);
    let other = match Kind::of(name) {
        Kind::Option => ("", 3 * ONE / 20, ONE / 10_000, ONE / 10),
        Kind::Perpetual | Kind::Future | Kind::Spot => ("", 100 * ONE, ONE / 100, ONE),
    };
    let &(_, start, tick, lot) = known.unwrap_or(&other);
    Terms { start, tick, lot }
}
