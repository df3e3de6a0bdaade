//! Messages that name no place in an order: of those that several connections bring, the first copy is news.

use std::{collections::VecDeque, hash::Hasher as _};

use rustc_hash::{FxHashMap, FxHasher};

use crate::route::LEGS_MAX;

/// Messages that are remembered.
const MESSAGES_MAX: usize = 4096;

/// Messages of not long ago, by a hash of their text.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    counts: FxHashMap<u64, Counts>,
    oldest_first: VecDeque<u64>,
}

/// How often a message was news, and how often each leg has brought it.
#[derive(Debug, Default)]
struct Counts {
    told: u32,
    legs: [u32; LEGS_MAX],
}

impl Recent {
    /// A leg is fresh: it will bring nothing of what was told before.
    pub(crate) fn on_open(&mut self, leg: usize) {
        for Counts { told, legs } in self.counts.values_mut() {
            legs.get_mut(leg).into_iter().for_each(|own| *own = *told);
        }
    }

    /// Whether a message of a leg is news: none like it was told as often as this leg has brought it.
    pub(crate) fn is_news(&mut self, leg: usize, text: &[u8]) -> bool {
        let mut hasher = FxHasher::default();
        hasher.write(text);
        let hash = hasher.finish();
        let Counts { told, legs } = self.counts.entry(hash).or_default();
        let Some(own) = legs.get_mut(leg) else { return true };
        *own += 1;
        let is_news = *own > *told;
        let is_first = *told == 0;
        *told = (*told).max(*own);
        if is_first {
            self.oldest_first.push_back(hash);
            if self.oldest_first.len() > MESSAGES_MAX {
                self.oldest_first.pop_front().into_iter().for_each(|oldest| {
                    self.counts.remove(&oldest);
                });
            }
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_copy_is_news_whichever_leg_brings_it_and_a_repetition_is_too() {
        let mut recent = Recent::default();
        let news: Vec<_> = [(0, "a"), (1, "a"), (1, "b"), (0, "b"), (0, "b"), (1, "b"), (1, "a"), (0, "a")]
            .map(|(leg, text)| recent.is_news(leg, text.as_bytes()))
            .into();
        assert_eq!(news, [true, false, true, false, true, false, true, false]);
    }

    #[test]
    fn a_fresh_leg_has_not_seen_what_was_told_before() {
        let mut recent = Recent::default();
        assert!(recent.is_news(0, b"a"));
        recent.on_open(1);
        assert!(recent.is_news(1, b"a"), "it is another one");
        assert!(!recent.is_news(0, b"a"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut recent = Recent::default();
        for number in 0..=MESSAGES_MAX {
            assert!(recent.is_news(0, number.to_string().as_bytes()));
        }
        assert_eq!(recent.counts.len(), MESSAGES_MAX);
        assert!(recent.is_news(1, b"0"), "it is too long ago");
    }
}
