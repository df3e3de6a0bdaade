//! What the books are given: snapshots and diffs, decoded beforehand. Recorded where recordings are, and made up.

use std::collections::HashMap;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;
use tickwire::venue::{Decimal, Level, Side};

/// Books side by side, and the diffs of all of them in the order they arrived.
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) diffs: Vec<Diff>,
    /// The levels of all diffs, in one piece of memory: a decoder's output is in the nearest cache.
    levels: Vec<Level>,
}

pub(crate) struct Snapshot {
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
}

pub(crate) struct Diff {
    /// An index into the snapshots.
    pub(crate) book: usize,
    bids: Range<usize>,
    asks: Range<usize>,
}

impl Workload {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), snapshots: Vec::new(), diffs: Vec::new(), levels: Vec::new() }
    }

    fn push(&mut self, book: usize, bids: &[Level], asks: &[Level]) {
        let middle = self.levels.len() + bids.len();
        self.diffs.push(Diff { book, bids: self.levels.len()..middle, asks: middle..middle + asks.len() });
        self.levels.extend_from_slice(bids);
        self.levels.extend_from_slice(asks);
    }

    pub(crate) fn bids(&self, diff: &Diff) -> &[Level] {
        &self.levels[diff.bids.clone()]
    }

    pub(crate) fn asks(&self, diff: &Diff) -> &[Level] {
        &self.levels[diff.asks.clone()]
    }

    pub(crate) fn changes(&self) -> usize {
        self.levels.len()
    }
}

type Failure = Box<dyn Error>;

/// Every recorded capture of a folder: `NAME.ws.jsonl` with the diffs, `NAME.rest_depth.jsonl` with a snapshot a line,
/// `NAME.rest_depth.index.jsonl` with the address of each, which names the symbol.
pub(crate) fn recorded(folder: &Path) -> Result<Vec<Workload>, Failure> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|entry| {
            entry.ok()?.file_name().to_str()?.strip_suffix(".rest_depth.jsonl").map(str::to_owned)
        })
        .collect();
    names.sort();
    names.iter().map(|name| capture(folder, name)).collect()
}

fn capture(folder: &Path, name: &str) -> Result<Workload, Failure> {
    let lines = |suffix: &str| -> Result<Vec<Value>, Failure> {
        let text = std::fs::read_to_string(folder.join(format!("{name}.{suffix}")))?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    };
    let mut workload = Workload::new(name.trim_end_matches("_cryptofeed"));
    let mut books = HashMap::new();
    for (index, answer) in lines("rest_depth.index.jsonl")?.iter().zip(lines("rest_depth.jsonl")?) {
        let url = index["url"].as_str().ok_or("an index without an address")?;
        let (_, query) = url.split_once("symbol=").ok_or("an address without a symbol")?;
        let symbol = query.split('&').next().unwrap_or(query).to_owned();
        let last_id = answer["lastUpdateId"].as_u64().ok_or("a snapshot without an id")?;
        books.insert(symbol, (workload.snapshots.len(), last_id));
        workload.snapshots.push(Snapshot { bids: levels(&answer["bids"])?, asks: levels(&answer["asks"])? });
    }
    for message in lines("ws.jsonl")? {
        let data = &message["data"];
        let book = data["s"].as_str().and_then(|symbol| books.get(symbol));
        let (Some((book, last_id)), Some("depthUpdate")) = (book, data["e"].as_str()) else { continue };
        if data["u"].as_u64().is_some_and(|id| id > *last_id) {
            workload.push(*book, &levels(&data["b"])?, &levels(&data["a"])?);
        }
    }
    Ok(workload)
}

fn levels(pairs: &Value) -> Result<Vec<Level>, Failure> {
    let number =
        |text: &Value| -> Result<Decimal, Failure> { Ok(text.as_str().ok_or("no number")?.parse()?) };
    let pairs = pairs.as_array().ok_or("no levels")?;
    pairs.iter().map(|pair| Ok(Level { price: number(&pair[0])?, quantity: number(&pair[1])? })).collect()
}

/// A made-up book and its changes.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Levels a side at the beginning. About six of ten stand where there are changes.
    pub(crate) levels: u32,
    /// Ticks from one level to the next.
    pub(crate) gap: i64,
    /// Whether changes are as likely at any depth; else they become rare with it, as they are in the recordings.
    pub(crate) anywhere: bool,
    pub(crate) diffs: usize,
}

pub(crate) const PLANS: &[Plan] = &[
    Plan { name: "1,000 levels", levels: 1000, gap: 1, anywhere: false, diffs: 4000 },
    Plan { name: "5,000 levels", levels: 5000, gap: 1, anywhere: false, diffs: 4000 },
    Plan { name: "1,000 levels, changes anywhere", levels: 1000, gap: 1, anywhere: true, diffs: 4000 },
    Plan { name: "5,000 levels, changes anywhere", levels: 5000, gap: 1, anywhere: true, diffs: 4000 },
    Plan { name: "5,000 levels far apart, anywhere", levels: 5000, gap: 37, anywhere: true, diffs: 4000 },
];

/// Changes a diff and side, at most.
const CHANGES_MAX: u64 = 10;
/// The tick between the sides.
const MIDDLE: i64 = 10_000_000;

impl Plan {
    pub(crate) fn workload(&self, seed: u64) -> Workload {
        let mut random = Random(seed);
        let mut workload = Workload::new(self.name);
        let all: Vec<u32> = (0..self.levels).collect();
        let mut quantities = || 1 + random.below(1000);
        let bids = all.iter().map(|depth| self.level(Side::Bid, *depth, quantities())).collect();
        let asks = all.iter().map(|depth| self.level(Side::Ask, *depth, quantities())).collect();
        workload.snapshots.push(Snapshot { bids, asks });
        for _ in 0..self.diffs {
            let bids = self.changes(Side::Bid, &mut random);
            let asks = self.changes(Side::Ask, &mut random);
            workload.push(0, &bids, &asks);
        }
        workload
    }

    /// Best first, no depth twice; four of ten are removals.
    fn changes(&self, side: Side, random: &mut Random) -> Vec<Level> {
        let mut depths: Vec<u32> = (0..random.below(CHANGES_MAX + 1)).map(|_| self.depth(random)).collect();
        depths.sort_unstable();
        depths.dedup();
        let quantity = |random: &mut Random| if random.below(10) < 4 { 0 } else { 1 + random.below(1000) };
        depths.iter().map(|depth| self.level(side, *depth, quantity(random))).collect()
    }

    fn depth(&self, random: &mut Random) -> u32 {
        let share = random.below(1 << 32) as f64 / (1_u64 << 32) as f64;
        let levels = f64::from(self.levels);
        // Half of them among the first 11 of 1,000, three of four among the first 89.
        let depth = if self.anywhere { levels * share } else { levels.powf(share.powf(1.5)) - 1.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a depth within the levels"
        )]
        let depth = depth as u32;
        depth
    }

    fn level(&self, side: Side, depth: u32, quantity: u64) -> Level {
        let away = self.gap * (1 + i64::from(depth));
        let tick = match side {
            Side::Bid => MIDDLE - away,
            Side::Ask => MIDDLE + away,
        };
        let decimal = |mantissa, scale| Decimal::new(mantissa, scale).expect("a small scale");
        Level { price: decimal(tick, 2), quantity: decimal(quantity.cast_signed(), 3) }
    }
}

/// `count` levels for each side, none of them next to another, at the depths that `order` makes of
/// their positions.
pub(crate) fn far_apart(count: u32, order: fn(u64) -> u64) -> Snapshot {
    let plan = Plan { name: "", levels: count, gap: 37, anywhere: true, diffs: 0 };
    let depth = |at| u32::try_from(order(at) % u64::from(count)).expect("below a u32");
    let side = |side| (0..u64::from(count)).map(|at| plan.level(side, depth(at), 1)).collect();
    Snapshot { bids: side(Side::Bid), asks: side(Side::Ask) }
}

/// SplitMix64 of Steele, Lea and Flood.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
