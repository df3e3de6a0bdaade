//! What goes wrong with the data of one connection alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tungstenite::Utf8Bytes;

use crate::hazard::{Counts, Hazard};

/// What begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoiling {
    /// So many next messages are lost.
    Lose(u32),
    /// So many next messages are sent twice.
    Double(u32),
    /// Messages are kept back for so long from now on.
    Lag(Duration),
    /// About a third of the streams, chosen by this number, or all, are silent from now on.
    Mute(u64),
    /// All is well again but for streams that are silent; what is kept back comes at once.
    Nothing,
}

#[derive(Debug, Default)]
pub(crate) struct Spoil {
    counts: Counts,
    lose: u32,
    double: u32,
    lag: Duration,
    mute: Option<u64>,
    /// What is kept back, and until when.
    held: VecDeque<(Instant, Utf8Bytes)>,
}

impl Spoil {
    pub(crate) fn new(counts: Counts) -> Self {
        Self { counts, ..Self::default() }
    }

    pub(crate) fn begin(&mut self, spoiling: Spoiling, now: Instant) {
        match spoiling {
            Spoiling::Lose(messages) => self.lose = messages,
            Spoiling::Double(messages) => self.double = messages,
            Spoiling::Lag(lag) => self.lag = lag,
            // What is silent stays so.
            Spoiling::Mute(choice) => _ = self.mute.get_or_insert(choice),
            Spoiling::Nothing => {
                let held = std::mem::take(&mut self.held);
                let held = held.into_iter().map(|(_, text)| (now, text)).collect();
                *self = Self { held, mute: self.mute, ..Self::new(self.counts.clone()) };
            }
        }
    }

    /// Whether a stream has fallen silent.
    pub(crate) fn is_mute(&self, stream: &str) -> bool {
        let is_chosen = |choice: u64| choice.is_multiple_of(4) || fnv(choice, stream).is_multiple_of(3);
        let mute = self.mute.is_some_and(is_chosen);
        if mute {
            self.counts.add(Hazard::Mute);
        }
        mute
    }

    /// How often a message is sent now; what is sent later comes out of [`Spoil::due`].
    pub(crate) fn copies(&mut self, text: &Utf8Bytes, now: Instant) -> usize {
        if self.lose > 0 {
            self.lose -= 1;
            self.counts.add(Hazard::MessagesLost);
            return 0;
        }
        let mut copies = 1;
        if self.double > 0 {
            self.double -= 1;
            copies = 2;
            self.counts.add(Hazard::MessagesDoubled);
        }
        if self.lag.is_zero() && self.held.is_empty() {
            return copies;
        }
        self.counts.add(Hazard::Lag);
        // No message overtakes those before it.
        let due = self.held.back().map_or(now, |(due, _)| *due).max(now + self.lag);
        self.held.extend(std::iter::repeat_n((due, text.clone()), copies));
        0
    }

    /// Hands back what is no message of a stream, unless it would overtake those that are kept back.
    pub(crate) fn behind(&mut self, text: Utf8Bytes) -> Option<Utf8Bytes> {
        let Some((due, _)) = self.held.back() else {
            return Some(text);
        };
        self.held.push_back((*due, text));
        None
    }

    /// The next message that was kept back long enough.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Utf8Bytes> {
        let is_due = self.held.front().is_some_and(|(due, _)| *due <= now);
        if is_due { self.held.pop_front().map(|(_, text)| text) } else { None }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.held.front().map(|(due, _)| *due)
    }
}

/// A number for a name that is the same on every machine (FNV-1a).
fn fnv(seed: u64, name: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    let hash = name.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    // Its low bits alone are poor.
    hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_lag_keeps_the_order_and_ends_at_once() {
        let start = clock::now().instant;
        let at = |ms| start + Duration::from_millis(ms);
        let mut spoil = Spoil::default();
        let copies = |spoil: &mut Spoil, text: &str, ms| spoil.copies(&text.into(), at(ms));
        assert_eq!(copies(&mut spoil, "1", 0), 1);
        spoil.begin(Spoiling::Lag(Duration::from_millis(500)), at(0));
        assert_eq!(copies(&mut spoil, "2", 10), 0);
        spoil.begin(Spoiling::Lag(Duration::ZERO), at(20));
        assert_eq!(copies(&mut spoil, "3", 30), 0, "it does not overtake");
        assert_eq!(spoil.behind("an answer".into()), None, "nor does this");
        assert_eq!(spoil.next_deadline(), Some(at(510)));
        assert_eq!(spoil.due(at(509)), None);
        let due = [(); 3].map(|()| spoil.due(at(510)));
        assert_eq!(due, ["2", "3", "an answer"].map(|text| Some(text.into())));
        assert_eq!(copies(&mut spoil, "4", 520), 1);
        assert_eq!(spoil.behind("another".into()), Some("another".into()));
        spoil.begin(Spoiling::Lag(Duration::from_secs(9)), at(520));
        assert_eq!(copies(&mut spoil, "5", 530), 0);
        spoil.begin(Spoiling::Nothing, at(540));
        assert_eq!(spoil.due(at(540)), Some("5".into()));
    }

    #[test]
    fn so_many_messages_are_lost_or_doubled_and_counted() {
        let now = clock::now().instant;
        let counts = Counts::default();
        let mut spoil = Spoil::new(counts.clone());
        spoil.begin(Spoiling::Lose(1), now);
        spoil.begin(Spoiling::Double(2), now);
        let copies = [(); 4].map(|()| spoil.copies(&"x".into(), now));
        assert_eq!(copies, [0, 2, 2, 1]);
        assert_eq!((counts.get(Hazard::MessagesLost), counts.get(Hazard::MessagesDoubled)), (1, 2));
    }

    #[test]
    fn about_a_third_of_the_streams_fall_silent_or_all() {
        let names: Vec<_> = (0..300).map(|n| format!("s{n}usdt@depth")).collect();
        let mute = |choice| {
            let mut spoil = Spoil::default();
            assert!(!names.iter().any(|name| spoil.is_mute(name)));
            spoil.begin(Spoiling::Mute(choice), clock::now().instant);
            names.iter().filter(|name| spoil.is_mute(name)).count()
        };
        assert!((70..130).contains(&mute(7)), "{}", mute(7));
        assert_eq!(mute(8), 300);
    }
}
