//! Order books as texts: the whole, what changed, and pictures of the top.

use super::number::Spelling;
use crate::market::{Change, Diff, Instrument, Level, Side, Snapshot};

/// How book messages are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookStyle {
    pub(super) spelling: Spelling,
    /// Changes list their levels worst first.
    pub(super) worst_first: bool,
    /// Without `type`.
    pub(super) without_type: bool,
}

impl BookStyle {
    /// The first message of a subscription.
    pub(super) fn snapshot(self, instrument: &Instrument, snapshot: &Snapshot, unix_ms: u64) -> String {
        let new = |side| {
            let levels = snapshot.book.all(side).map(|level| self.row(r#""new","#, level));
            levels.collect::<Vec<_>>().join(",")
        };
        let (bids, asks) = (new(Side::Bid), new(Side::Ask));
        self.message(
            instrument,
            ("snapshot", snapshot.last_id),
            unix_ms,
            format!(r#""bids":[{bids}],"asks":[{asks}]"#),
        )
    }

    /// What a diff did to each level.
    pub(super) fn change(self, instrument: &Instrument, diff: &Diff, unix_ms: u64) -> String {
        let changed = |changes: &[Change]| {
            let mut rows: Vec<_> = changes.iter().map(|change| self.changed(change)).collect();
            if self.worst_first {
                rows.reverse();
            }
            rows.join(",")
        };
        let (bids, asks) = (changed(&diff.bids), changed(&diff.asks));
        let previous = diff.previous_id;
        let rest = format!(r#""bids":[{bids}],"asks":[{asks}],"prev_change_id":{previous}"#);
        self.message(instrument, ("change", diff.last_id), unix_ms, rest)
    }

    fn message(self, instrument: &Instrument, (kind, id): (&str, u64), unix_ms: u64, rest: String) -> String {
        let kind = if self.without_type { String::new() } else { format!(r#""type":"{kind}","#) };
        let name = &instrument.symbol;
        format!(r#"{{"timestamp":{unix_ms},{kind}"change_id":{id},"instrument_name":"{name}",{rest}}}"#)
    }

    fn changed(self, change: &Change) -> String {
        let action = match (change.before, change.quantity) {
            (_, 0) => r#""delete","#,
            (0, _) => r#""new","#,
            _ => r#""change","#,
        };
        self.row(action, (change.price, change.quantity))
    }

    fn row(self, action: &str, (price, amount): Level) -> String {
        format!("[{action}{},{}]", self.spelling.of(price), self.spelling.of(amount))
    }

    /// Prices and amounts of at most `depth` levels a side.
    pub(super) fn levels(self, levels: impl Iterator<Item = Level>) -> String {
        let rows: Vec<_> = levels.map(|level| self.row("", level)).collect();
        format!("[{}]", rows.join(","))
    }

    /// The best levels, after prices were put together by so many ticks, away from the spread.
    pub(super) fn grouped(
        self,
        instrument: &Instrument,
        snapshot: &Snapshot,
        (group, depth): (u64, usize),
        unix_ms: u64,
    ) -> String {
        let step = instrument.terms.tick * group;
        let [bids, asks] = [Side::Bid, Side::Ask].map(|side| {
            let levels = group_levels(side, snapshot.book.all(side), step);
            self.levels(levels.into_iter().take(depth))
        });
        format!(
            r#"{{"timestamp":{unix_ms},"instrument_name":"{}","change_id":{},"bids":{bids},"asks":{asks}}}"#,
            instrument.symbol, snapshot.last_id
        )
    }
}

/// Bids are rounded down and asks up to a multiple of the step.
fn group_levels(side: Side, levels: impl Iterator<Item = Level>, step: u64) -> Vec<Level> {
    let mut grouped: Vec<Level> = Vec::new();
    for (price, amount) in levels {
        let price = match side {
            Side::Bid => price / step * step,
            Side::Ask => price.div_ceil(step) * step,
        };
        match grouped.last_mut() {
            Some((last, sum)) if *last == price => *sum += amount,
            _ => grouped.push((price, amount)),
        }
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_lie_away_from_the_spread() {
        let bids = [(104, 1), (103, 2), (100, 4), (99, 8)];
        assert_eq!(group_levels(Side::Bid, bids.into_iter(), 5), [(100, 7), (95, 8)]);
        let asks = [(105, 1), (106, 2), (110, 4), (111, 8)];
        assert_eq!(group_levels(Side::Ask, asks.into_iter(), 5), [(105, 1), (110, 6), (115, 8)]);
    }
}
