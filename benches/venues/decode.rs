//! Messages decoded: tickwire's decoders beside simd-json into types, with buffers that are kept, on the same texts.

use std::hint::black_box;
use std::time::Duration;

use serde_json::json;
use tickwire::venue::{binance, deribit};

use crate::clock;
use crate::digest::Digest;
use crate::messages::Messages;
use crate::typed::{Kind, Library};

/// Messages of a kind, and how much faster than the library they are to be decoded.
struct Contest {
    name: &'static str,
    kind: Kind,
    bar: f64,
}

const CONTESTS: [Contest; 4] = [
    Contest { name: "bookTicker", kind: Kind::BookTicker, bar: 4.0 },
    Contest { name: "aggTrade", kind: Kind::AggTrade, bar: 4.0 },
    Contest { name: "depth, about 1.2 KB", kind: Kind::Depth, bar: 2.5 },
    Contest { name: "Deribit book change", kind: Kind::Change, bar: 2.5 },
];

/// Both ways by turns, the best round of each.
struct Result {
    ours: f64,
    theirs: f64,
    allocations: u64,
}

/// Prints the table; the results as JSON lines.
pub(crate) fn run(messages: &Messages, rounds: u32) -> Vec<String> {
    println!(
        "\n{:<24} {:>8} {:>7}  {:>9} {:>9} {:>7} {:>5}  allocations",
        "decoding, ns a message", "messages", "bytes", "tickwire", "simd-json", "times", "bar"
    );
    CONTESTS.iter().filter_map(|contest| row(contest, messages, rounds)).collect()
}

fn row(contest: &Contest, messages: &Messages, rounds: u32) -> Option<String> {
    let texts = messages.of(contest.kind);
    let bytes = texts.iter().map(Vec::len).sum::<usize>().checked_div(texts.len())?;
    let Result { ours, theirs, allocations } = measure(contest.kind, texts, rounds);
    let (name, bar, times) = (contest.name, contest.bar, theirs / ours);
    println!(
        "{name:<24} {:>8} {bytes:>7}  {ours:>9.1} {theirs:>9.1} {times:>7.2} {bar:>5.1}  {allocations}",
        texts.len()
    );
    Some(json!({"kind": name, "messages": texts.len(), "bytes": bytes, "tickwire_ns": ours, "simd_json_ns": theirs,
        "times": times, "bar": bar, "allocations": allocations}).to_string())
}

/// Messages a round, so that a round is long enough to be timed.
const MESSAGES: usize = 20_000;

fn measure(kind: Kind, texts: &[Vec<u8>], rounds: u32) -> Result {
    let mut ours = Ours::default();
    let mut theirs = Library::default();
    for text in texts {
        assert_eq!(ours.digest(kind, text), theirs.digest(kind, text), "{}", String::from_utf8_lossy(text));
    }
    let allocations = allocation_counter::measure(|| {
        round(texts, |text| ours.digest(kind, text));
    });
    let (mut best_ours, mut best_theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        best_ours = best_ours.min(round(texts, |text| ours.digest(kind, text)));
        best_theirs = best_theirs.min(round(texts, |text| theirs.digest(kind, text)));
    }
    let per_message = |time: Duration| time.as_nanos() as f64 / MESSAGES as f64;
    Result {
        ours: per_message(best_ours),
        theirs: per_message(best_theirs),
        allocations: allocations.count_total,
    }
}

fn round(texts: &[Vec<u8>], mut digest: impl FnMut(&[u8]) -> u64) -> Duration {
    let start = clock::now();
    let mut total: u64 = 0;
    for text in texts.iter().cycle().take(MESSAGES) {
        total = total.wrapping_add(digest(black_box(text)));
    }
    black_box(total);
    clock::now() - start
}

#[derive(Default)]
struct Ours {
    binance: binance::wire::Decoder,
    deribit: deribit::wire::Decoder,
}

impl Ours {
    fn digest(&mut self, kind: Kind, text: &[u8]) -> u64 {
        let mut digest = Digest::default();
        let decoded = match kind {
            Kind::Change => self.deribit.decode(text, |_, message| of_deribit(&mut digest, &message)),
            _ => self.binance.decode(text, |_, message| of_binance(&mut digest, &message)),
        };
        decoded.expect("a valid message");
        digest.value()
    }
}

fn of_binance(digest: &mut Digest, message: &binance::wire::Message<'_>) {
    use binance::wire::Message;
    let ms = |ns: u64| ns / 1_000_000;
    match message {
        Message::BookTicker(ticker) => {
            digest.add(ticker.update_id).add(ticker.symbol.len() as u64);
            for side in [ticker.bid_price, ticker.bid_quantity, ticker.ask_price, ticker.ask_quantity] {
                digest.decimal(side);
            }
        }
        Message::AggTrade(trade) => {
            digest.add(ms(trade.event_time_ns)).add(trade.symbol.len() as u64).add(trade.id);
            digest.decimal(trade.price).decimal(trade.quantity).add(trade.first_id).add(trade.last_id);
            digest.add(ms(trade.trade_time_ns)).add(u64::from(trade.buyer_is_maker));
        }
        Message::DepthUpdate(update) => {
            digest.add(ms(update.event_time_ns)).add(update.symbol.len() as u64);
            digest.add(update.first_id).add(update.last_id);
            for level in update.bids.iter().chain(update.asks) {
                digest.decimal(level.price).decimal(level.quantity);
            }
        }
        other => panic!("not in this benchmark: {other:?}"),
    }
}

fn of_deribit(digest: &mut Digest, message: &deribit::wire::Message<'_>) {
    let deribit::wire::Message::Book(book) = message else { panic!("not in this benchmark: {message:?}") };
    digest.add(book.time_ns / 1_000_000).add(book.instrument.len() as u64);
    digest.add(book.change_id).add(book.previous_id.unwrap_or_default());
    for level in book.bids.iter().chain(book.asks) {
        digest.add(level.price.to_f64().to_bits()).add(level.quantity.to_f64().to_bits());
    }
}
