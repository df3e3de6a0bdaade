//! The top of a book against the quotes of the same stream of updates.
//!
//! A quote and a book that stand at the same update id must show the same best levels. Quotes and diffs
//! come independently, so quotes ahead of the book wait for it; those whose id the book steps over say
//! nothing about it.

use std::{cmp::Ordering, collections::VecDeque};

use crate::{
    book::Book,
    event::{Quote, TopCheck},
};

/// Quotes that wait for the book, at most.
const WAITING_MAX: usize = 4096;

/// How the comparisons of one instrument's quotes with its book went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Quotes equal to the top of the book.
    pub agreed: u64,
    /// Quotes that differ from the top of the book.
    pub differed: u64,
    /// Quotes at an id at which the book never stood, so that nothing can be said.
    pub passed: u64,
    /// Quotes thrown away because too many waited for the book.
    pub evicted: u64,
}

#[derive(Debug, Default)]
pub(super) struct CrossCheck {
    /// By rising update id.
    waiting: VecDeque<(u64, Quote)>,
    counts: CheckCounts,
}

impl CrossCheck {
    pub(super) fn counts(&self) -> CheckCounts {
        self.counts
    }

    /// The stream starts over: ids that waited will not be met.
    pub(super) fn clear(&mut self) {
        self.counts.passed += self.waiting.len() as u64;
        self.waiting.clear();
    }

    /// A quote came; `live` is the book and its id if it can be compared.
    pub(super) fn on_quote(&mut self, quote: Quote, live: Option<(u64, &Book)>) -> Option<TopCheck> {
        let id = quote.update_id?;
        let order = live.map_or(Ordering::Greater, |(update_id, _)| id.cmp(&update_id));
        match (order, live) {
            (Ordering::Equal, Some((_, book))) => Some(self.compare(id, quote, book)),
            (Ordering::Less, _) => {
                self.counts.passed += 1;
                None
            }
            _ => {
                self.wait(id, quote);
                None
            }
        }
    }

    /// The book stands at `update_id`; tells the comparisons that this makes possible.
    pub(super) fn on_book(&mut self, update_id: u64, book: &Book, mut tell: impl FnMut(TopCheck)) {
        while let Some((id, quote)) = self.waiting.front().copied().filter(|(id, _)| *id <= update_id) {
            self.waiting.pop_front();
            if id == update_id {
                tell(self.compare(id, quote, book));
            } else {
                self.counts.passed += 1;
            }
        }
    }

    fn wait(&mut self, id: u64, quote: Quote) {
        if self.waiting.back().is_some_and(|(last, _)| id < *last) {
            self.counts.passed += 1;
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            self.counts.evicted += 1;
        }
        self.waiting.push_back((id, quote));
    }

    fn compare(&mut self, update_id: u64, quote: Quote, book: &Book) -> TopCheck {
        let top = (book.best_bid(), book.best_ask());
        let agrees = (quote.bid, quote.ask) == top;
        self.counts.agreed += u64::from(agrees);
        self.counts.differed += u64::from(!agrees);
        let Quote { instrument, bid, ask, .. } = quote;
        TopCheck { instrument, update_id, agrees, quote: (bid, ask), book: top }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Instrument, level::Level};

    fn level(price: &str, quantity: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
    }

    fn quote(update_id: u64, bid: &str) -> Quote {
        let (bid, ask) = (Some(level(bid, "1.0")), Some(level("20", "2")));
        Quote { instrument: Instrument(0), update_id: Some(update_id), bid, ask, venue_time_ns: None }
    }

    fn book(bid: &str) -> Book {
        let mut book = Book::new(10);
        book.load(&[level(bid, "1")], &[level("20.00", "2")]);
        book
    }

    fn told(cross: &mut CrossCheck, update_id: u64, book: &Book) -> Vec<(u64, bool)> {
        let mut told = Vec::new();
        cross.on_book(update_id, book, |check| {
            told.push((check.update_id, check.agrees));
        });
        told
    }

    #[test]
    fn a_quote_meets_the_book_at_its_own_id_before_or_after_it() {
        let mut cross = CrossCheck::default();
        assert_eq!(cross.on_quote(quote(5, "10"), None), None);
        assert_eq!(cross.on_quote(quote(7, "10"), None), None);
        assert_eq!(cross.on_quote(quote(8, "11"), None), None);
        assert_eq!(told(&mut cross, 7, &book("10.0")), [(7, true)]);
        assert_eq!(told(&mut cross, 8, &book("10")), [(8, false)]);
        let late = cross.on_quote(quote(8, "10"), Some((8, &book("10"))));
        assert_eq!(late.map(|check| check.agrees), Some(true));
        assert_eq!(cross.on_quote(quote(6, "10"), Some((8, &book("10")))), None);
        assert_eq!(cross.counts(), CheckCounts { agreed: 2, differed: 1, passed: 2, evicted: 0 });
    }

    #[test]
    fn waiting_quotes_are_bounded_and_evictions_counted() {
        let mut cross = CrossCheck::default();
        for id in 0..WAITING_MAX as u64 + 3 {
            assert_eq!(cross.on_quote(quote(id, "10"), None), None);
        }
        assert_eq!(cross.counts().evicted, 3);
        cross.clear();
        assert_eq!(cross.counts().passed, WAITING_MAX as u64);
    }

    #[test]
    fn an_empty_side_is_quoted_as_none() {
        let mut cross = CrossCheck::default();
        let mut empty = book("10");
        empty.set(crate::level::Side::Bid, level("10", "0"));
        let none = Quote { bid: None, ..quote(1, "10") };
        assert!(cross.on_quote(none, Some((1, &empty))).unwrap().agrees);
        assert!(!cross.on_quote(quote(1, "10"), Some((1, &empty))).unwrap().agrees);
    }
}
