//! What the end of a run tells.

use super::board::{Board, Tally};
use super::legs::{Lead, Legs, Total};
use crate::clock::words;
use crate::lines::nanos;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;
use tickwire::Stats;

/// What there is besides the board and the connections.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) elapsed: Duration,
    pub(crate) stats: &'a Stats,
    /// How many books were equal to those of the local venue, of how many compared.
    pub(crate) truth: Option<(u64, u64)>,
}

impl Summary<'_> {
    /// The time without a connection, as the median and the longest, if any was lost and came back.
    fn recovery(&self) -> Option<[Duration; 2]> {
        let spans = &self.stats.recovery_us;
        let spans = (!spans.is_empty()).then(|| [spans.value_at_quantile(0.5), spans.max()])?;
        Some(spans.map(Duration::from_micros))
    }

    /// For people.
    pub(crate) fn write(&self, out: &mut impl Write, board: &Board, legs: &Legs) -> io::Result<()> {
        let Self { stats, elapsed, .. } = self;
        let Tally { updates, quotes, trades, gaps, resyncs, checks, agreed, other } = board.total();
        let (synced, books) = (board.synced(), board.rows.len());
        let elapsed = elapsed.as_secs_f64();
        writeln!(out, "{} messages, {} bytes in {elapsed:.1} s", stats.messages, stats.bytes)?;
        writeln!(out, "{updates} updates, {quotes} quotes, {trades} trades, {other} other")?;
        let (holes, unreadable) = (stats.gaps, stats.unreadable);
        writeln!(out, "{synced} of {books} books synced, {gaps} gaps of books, {resyncs} resyncs")?;
        writeln!(out, "{holes} gaps of streams, {unreadable} messages left out")?;
        writeln!(out, "{}", self.connections())?;
        for total in legs.totals().filter(|total| legs.labels.has_several(total.endpoint)) {
            let Total { endpoint, place, lead: Lead { firsts, .. }, of } = total;
            let share =
                total.share().map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0));
            let label = legs.labels.of(endpoint, place);
            writeln!(out, "{label} was the first with {firsts} of {of} updates: {share}")?;
        }
        // Not every venue has quotes that name the update they belong to.
        if checks > 0 {
            writeln!(
                out,
                "top of book compared with bookTicker of the same update id: {agreed} of {checks} agree"
            )?;
        }
        if let Some((equal, compared)) = self.truth {
            writeln!(out, "whole book compared with the local venue's own: {equal} of {compared} are equal")?;
        }
        out.flush()
    }

    fn connections(&self) -> String {
        let Stats { opened, lost, renewed, .. } = self.stats;
        let told = format!("{opened} connections opened, {lost} lost or in vain, {renewed} renewed");
        match self.recovery() {
            Some([median, longest]) => {
                format!("{told}; ready again after {} (median), {} at most", words(median), words(longest))
            }
            None => told,
        }
    }

    /// For programs.
    pub(crate) fn json(&self, board: &Board, legs: &Legs) -> Value {
        let Self { stats, elapsed, truth } = self;
        let Tally { updates, quotes, trades, gaps, resyncs, checks, agreed, other } = board.total();
        let [median, longest] =
            [0, 1].map(|at| self.recovery().and_then(|spans| spans.get(at).copied()).map(nanos));
        let leg = |total: Total| {
            let Total { endpoint, place, lead: Lead { firsts, copies }, .. } = total;
            json!({
                "name": legs.name(endpoint), "endpoint": endpoint, "place": place, "firsts": firsts, "copies": copies,
                "share": total.share(),
            })
        };
        let totals: Vec<_> = legs.totals().map(leg).collect();
        json!({
            "event": "summary", "seconds": elapsed.as_secs_f64(), "messages": stats.messages, "bytes": stats.bytes,
            "updates": updates, "quotes": quotes, "trades": trades, "other": other, "books": board.rows.len(),
            "synced": board.synced(), "gaps": gaps, "resyncs": resyncs, "stream_gaps": stats.gaps,
            "unreadable": stats.unreadable, "opened": stats.opened, "lost": stats.lost, "renewed": stats.renewed,
            "recovery_p50_ns": median, "recovery_max_ns": longest, "legs": totals, "compared": checks, "agreed": agreed,
            "own_compared": truth.map(|(_, compared)| compared), "own_equal": truth.map(|(equal, _)| equal),
        })
    }
}
