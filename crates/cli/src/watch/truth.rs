//! The books of a local venue, which knows what it sent: each update is compared with them.

use tickwire::venue::{BookChange, BookEvent, BookView, Level};
use tickwire_sim::{Levels, Server};

/// A local venue has at least so many levels a side in every book; a snapshot has no fewer.
const SIDE_LEVELS_MIN: usize = 400;

/// How the rebuilt books compare with the venue's own.
#[derive(Debug)]
pub(super) struct Truth {
    server: Server,
    /// By instrument.
    known: Vec<Known>,
    pub(super) compared: u64,
    pub(super) equal: u64,
    /// The first difference, in words.
    pub(super) wrong: Option<String>,
}

/// How far a book can be known: a snapshot of so many levels says nothing of those beyond.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Whether the bounds below hold; they are found anew after each snapshot.
    found: bool,
    /// The first price on each side that is not known.
    bid: Option<u64>,
    ask: Option<u64>,
}

impl Truth {
    pub(super) fn new(server: Server, instruments: usize) -> Self {
        Self { server, known: vec![Known::default(); instruments], compared: 0, equal: 0, wrong: None }
    }

    /// Compares the book of which the event tells, which stands where the event says.
    pub(super) fn compare(&mut self, event: &BookEvent, symbol: &str, view: BookView<'_>) {
        let at = usize::try_from(event.instrument.0).unwrap_or(usize::MAX);
        let Some(known) = self.known.get_mut(at) else { return };
        let update_id = match event.change {
            BookChange::Updated { update_id } => update_id,
            BookChange::Synced { update_id } | BookChange::Resynced { update_id } => {
                known.found = false;
                update_id
            }
            BookChange::Trimmed { .. } => {
                known.found = false;
                return;
            }
            _ => return,
        };
        // An update that ends between two events of the book, or long ago.
        let Some(own) = self.server.book_at(symbol, update_id) else { return };
        let rebuilt = Levels { bids: units(view.book.bids()), asks: units(view.book.asks()) };
        if !known.found {
            let (bid, ask) = (unknown(&rebuilt.bids, &own.bids), unknown(&rebuilt.asks, &own.asks));
            *known = Known { found: true, bid, ask };
        }
        self.compared += 1;
        let bid_known = |price: u64| known.bid.is_none_or(|unknown| price > unknown);
        let ask_known = |price: u64| known.ask.is_none_or(|unknown| price < unknown);
        let difference = difference(&rebuilt.bids, &own.bids, bid_known)
            .or_else(|| difference(&rebuilt.asks, &own.asks, ask_known));
        match difference {
            None => self.equal += 1,
            Some((rebuilt, own)) => {
                self.wrong.get_or_insert_with(|| {
                    format!(
                        "{symbol} at {update_id}: the book has {rebuilt:?}, the venue {own:?} (in 0.00000001)"
                    )
                });
            }
        }
    }
}

type Unit = (u64, u64);

/// Price and quantity in units of 0.00000001; a level that is none becomes one that no venue has.
fn units(levels: impl Iterator<Item = Level>) -> Vec<Unit> {
    let unit = |number: tickwire::venue::Decimal| {
        number.rescale(8).and_then(|number| u64::try_from(number.mantissa()).ok()).unwrap_or(u64::MAX)
    };
    levels.map(|level| (unit(level.price), unit(level.quantity))).collect()
}

/// The first price of the venue's that a fresh book does not have, if it is so deep that its snapshot may have ended.
fn unknown(rebuilt: &[Unit], own: &[Unit]) -> Option<u64> {
    let same = rebuilt.iter().zip(own).take_while(|(rebuilt, own)| rebuilt.0 == own.0).count();
    own.get(same).filter(|_| same >= SIDE_LEVELS_MIN).map(|level| level.0)
}

/// The first level that differs among those that are known.
fn difference(
    rebuilt: &[Unit],
    own: &[Unit],
    is_known: impl Fn(u64) -> bool,
) -> Option<(Option<Unit>, Option<Unit>)> {
    let known =
        |levels: &[Unit]| levels.iter().copied().filter(|(price, _)| is_known(*price)).collect::<Vec<_>>();
    let (rebuilt, own) = (known(rebuilt), known(own));
    let longest = rebuilt.len().max(own.len());
    let pair = |at: usize| (rebuilt.get(at).copied(), own.get(at).copied());
    (0..longest).map(pair).find(|(rebuilt, own)| rebuilt != own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(count: u64) -> Vec<Unit> {
        (1..=count).map(|price| (price * 10, 7)).collect()
    }

    #[test]
    fn what_a_snapshot_had_no_room_for_is_not_compared_and_everything_else_is() {
        let (own, mut rebuilt) = (asks(1001), asks(1000));
        let bound = unknown(&rebuilt, &own);
        assert_eq!(bound, Some(10_010));
        let is_known = |price| bound.is_none_or(|unknown| price < unknown);
        assert_eq!(difference(&rebuilt, &own, is_known), None);
        rebuilt[999].1 = 8;
        assert_eq!(difference(&rebuilt, &own, is_known), Some((Some((10_000, 8)), Some((10_000, 7)))));
    }

    #[test]
    fn a_level_that_is_missing_near_the_top_is_a_difference() {
        let (own, mut rebuilt) = (asks(1000), asks(1000));
        rebuilt.remove(3);
        assert_eq!(unknown(&rebuilt, &own), None);
        assert_eq!(difference(&rebuilt, &own, |_| true), Some((Some((50, 7)), Some((40, 7)))));
        assert_eq!(difference(&own, &own, |_| true), None);
        assert_eq!(difference(&own[..5], &own, |_| true), Some((None, Some((60, 7)))));
    }
}
