//! The other way: simd-json into types with borrowed texts, its buffers kept from one message to the next.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use simd_json::Buffers;
use tickwire::venue::Decimal;

use crate::digest::Digest;

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BookTicker,
    AggTrade,
    Depth,
    Change,
}

/// Reads a copy of each text, because it unescapes in place.
pub(crate) struct Library {
    text: Vec<u8>,
    buffers: Buffers,
}

impl Default for Library {
    fn default() -> Self {
        Self { text: Vec::new(), buffers: Buffers::new(4096) }
    }
}

impl Library {
    pub(crate) fn digest(&mut self, kind: Kind, text: &[u8]) -> u64 {
        match kind {
            Kind::BookTicker => self.read::<Combined<'_, BookTicker<'_>>>(text).data.digest(),
            Kind::AggTrade => self.read::<Combined<'_, AggTrade<'_>>>(text).data.digest(),
            Kind::Depth => self.read::<Combined<'_, Depth<'_>>>(text).data.digest(),
            Kind::Change => self.read::<Notification<Change<'_>>>(text).params.data.digest(),
        }
    }

    fn read<'a, T: Deserialize<'a>>(&'a mut self, text: &[u8]) -> T {
        self.text.clear();
        self.text.extend_from_slice(text);
        simd_json::serde::from_slice_with_buffers(&mut self.text, &mut self.buffers).expect("a valid message")
    }
}

#[derive(Deserialize)]
struct Combined<'a, T> {
    #[serde(rename = "stream")]
    _stream: &'a str,
    data: T,
}

#[derive(Deserialize)]
struct Notification<T> {
    params: Params<T>,
}

#[derive(Deserialize)]
struct Params<T> {
    data: T,
}

/// A decimal that comes as a string. It is read by tickwire's reader, so that only the JSON is compared.
struct Quoted(Decimal);

impl<'de> Deserialize<'de> for Quoted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: &str = Deserialize::deserialize(deserializer)?;
        Decimal::parse(text.as_bytes()).map(Self).map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
struct BookTicker<'a> {
    u: u64,
    s: &'a str,
    b: Quoted,
    #[serde(rename = "B")]
    bid_quantity: Quoted,
    a: Quoted,
    #[serde(rename = "A")]
    ask_quantity: Quoted,
}

impl BookTicker<'_> {
    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        digest.add(self.u).add(self.s.len() as u64);
        for side in [&self.b, &self.bid_quantity, &self.a, &self.ask_quantity] {
            digest.decimal(side.0);
        }
        digest.value()
    }
}

#[derive(Deserialize)]
struct AggTrade<'a> {
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    a: u64,
    p: Quoted,
    q: Quoted,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    trade_time: u64,
    m: bool,
}

impl AggTrade<'_> {
    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        let Self { event_time, s, a, p, q, f, l, trade_time, m } = self;
        digest.add(*event_time).add(s.len() as u64).add(*a).decimal(p.0).decimal(q.0);
        digest.add(*f).add(*l).add(*trade_time).add(u64::from(*m)).value()
    }
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    b: Vec<[Quoted; 2]>,
    a: Vec<[Quoted; 2]>,
}

impl Depth<'_> {
    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        digest.add(self.event_time).add(self.s.len() as u64).add(self.first).add(self.u);
        for [price, quantity] in self.b.iter().chain(&self.a) {
            digest.decimal(price.0).decimal(quantity.0);
        }
        digest.value()
    }
}

#[derive(Deserialize)]
struct Change<'a> {
    timestamp: u64,
    instrument_name: &'a str,
    change_id: u64,
    prev_change_id: u64,
    bids: Vec<(&'a str, f64, f64)>,
    asks: Vec<(&'a str, f64, f64)>,
}

impl Change<'_> {
    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        digest.add(self.timestamp).add(self.instrument_name.len() as u64);
        digest.add(self.change_id).add(self.prev_change_id);
        for (action, price, amount) in self.bids.iter().chain(&self.asks) {
            let amount = if *action == "delete" { 0.0 } else { *amount };
            digest.add(price.to_bits()).add(amount.to_bits());
        }
        digest.value()
    }
}
