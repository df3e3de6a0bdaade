//! The order of all streams of one endpoint, whichever of its connections brings an update first.

mod race;
mod sequence;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

pub use race::LegCounts;
use race::Race;
pub(crate) use sequence::{Hole, Mark, Verdict};
use sequence::{Place, Sequence, bit};

use crate::{event::Instrument, route::LEGS_MAX};

/// A leg that has not brought a probe after so long is taken to lag so far.
const PROBE_AGE_MAX: Duration = Duration::from_secs(10);

/// What was published before a leg joined may be under way on another for so long.
const HEIR_AGE: Duration = Duration::from_secs(10);
/// So much must have come before it is known how long a stream is silent at times.
const COUNT_MIN: u32 = 16;
/// How long a stream that was subscribed anew may take to come; what comes later was not helped by that.
const HELPED_WITHIN: Duration = Duration::from_secs(10);
/// A silence that means nothing, however busy the stream was.
const SILENCE_MIN: Duration = Duration::from_secs(60);
/// A stream of which little is known may be silent for so long.
pub(crate) const UNKNOWN_SILENCE_MAX: Duration = Duration::from_secs(300);

/// The sequences of an endpoint. A stream has one, or one for each instrument that it tells of.
#[derive(Debug, Default)]
pub(crate) struct Order {
    streams: Vec<Stream>,
    entries: Vec<Entry>,
    /// Entries of streams that tell of several instruments.
    shared: FxHashMap<(usize, Instrument), usize>,
    /// Entries with a leg beyond a hole.
    ahead: Vec<usize>,
    /// When each leg began to bring the last of its streams, and when it last brought anything.
    joined_at: [Option<Instant>; LEGS_MAX],
    brought_at: [Option<Instant>; LEGS_MAX],
    /// Since when at the earliest there is what each leg brings; without it, since it is judged.
    readable_since: [Option<Instant>; LEGS_MAX],
    /// What legs that are handed over have yet to bring.
    owed: Vec<Owed>,
    race: Race,
}

#[derive(Debug, Default, Clone, Copy)]
struct Stream {
    /// The entry of what it tells without an instrument of its own.
    entry: Option<usize>,
    /// The legs that bring it, a bit each.
    legs: u8,
    /// Those that have brought something since the last look, and whether any of that was new.
    spoke: u8,
    has_news: bool,
    /// Those that brought nothing before the look at which others had brought something new last.
    mute: u8,
    /// When anything came, or else since when it is brought.
    heard: Option<Instant>,
    /// How often anything came, up to what is enough to know it, and the longest time between two.
    count: u32,
    longest: Duration,
    /// How often its silence was told since, and when last.
    told: u32,
    told_at: Option<Instant>,
    /// What was counted when it came last behind that.
    helped: Option<u32>,
}

#[derive(Debug)]
struct Entry {
    stream: usize,
    instrument: Option<Instrument>,
    sequence: Sequence,
    probe: Option<Probe>,
}

/// News of not long ago: its copies show how far the other legs lag.
#[derive(Debug, Clone, Copy)]
struct Probe {
    /// Its id or time.
    id: u64,
    since: Instant,
    /// The legs that have yet to bring it, a bit each; never none.
    legs: u8,
}

/// A place in the order of an entry that a leg has to reach.
#[derive(Debug, Clone, Copy)]
struct Owed {
    leg: usize,
    entry: usize,
    place: Place,
}

/// What has been silent for too long.
#[derive(Debug)]
pub(crate) struct Silence {
    /// Each stream, for how long, and how often that was told.
    pub(crate) streams: Vec<(usize, Duration, u32)>,
    /// What is known to come comes no more, and nothing else does.
    pub(crate) is_total: bool,
}

/// A gap in a stream, or in what it tells of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamGap {
    pub(crate) stream: usize,
    pub(crate) instrument: Option<Instrument>,
    pub(crate) hole: Hole,
}

impl Order {
    /// Judges an update of a stream; `of` is its instrument if the stream tells of several.
    #[inline]
    pub(crate) fn judge(
        &mut self,
        stream: usize,
        of: Option<Instrument>,
        leg: usize,
        mark: Mark,
        now: Instant,
    ) -> Verdict {
        let at = self.entry_at(stream, of);
        if let Some(brought_at) = self.brought_at.get_mut(leg) {
            *brought_at = Some(now);
        }
        let Some(entry) = self.entries.get_mut(at) else { return Verdict::Next };
        let waits = entry.sequence.overdue_at().is_some();
        let verdict = entry.sequence.judge(leg, mark, now);
        let mut races = false;
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.spoke |= bit(leg);
            // What was brought before says nothing against who brought it.
            stream.has_news |= !matches!(verdict, Verdict::Copy | Verdict::Repeat);
            stream.hear(now);
            races = stream.legs.count_ones() > 1;
        }
        if races || verdict != Verdict::Next {
            self.count(at, leg, mark, now, verdict);
        }
        if verdict == Verdict::Ahead && !waits && !self.ahead.contains(&at) {
            self.ahead.push(at);
        }
        verdict
    }

    #[inline]
    fn entry_at(&mut self, stream: usize, of: Option<Instrument>) -> usize {
        let known = match of {
            None => self.streams.get(stream).and_then(|stream| stream.entry),
            Some(instrument) => self.shared.get(&(stream, instrument)).copied(),
        };
        known.unwrap_or_else(|| self.begin(stream, of))
    }

    #[cold]
    fn begin(&mut self, stream: usize, instrument: Option<Instrument>) -> usize {
        let at = self.entries.len();
        if self.streams.len() <= stream {
            self.streams.resize(stream + 1, Stream::default());
        }
        let mut sequence = Sequence::default();
        if let Some(stream) = self.streams.get_mut(stream) {
            legs_of(stream.legs).for_each(|leg| sequence.join(leg));
            if instrument.is_none() {
                stream.entry = Some(at);
            }
        }
        if let Some(instrument) = instrument {
            self.shared.insert((stream, instrument), at);
        }
        self.entries.push(Entry { stream, instrument, sequence, probe: None });
        at
    }

    fn count(&mut self, at: usize, leg: usize, mark: Mark, now: Instant, verdict: Verdict) {
        let arrived = self.arrived(leg, now);
        let Some(entry) = self.entries.get_mut(at) else { return };
        match verdict {
            Verdict::Next | Verdict::Gap(_) => {
                if entry.probe.is_none_or(|probe| now > probe.since + PROBE_AGE_MAX) {
                    self.begin_probe(at, leg, mark, now);
                }
                self.race.on_first(leg);
            }
            Verdict::Copy => {
                let lag = entry.probe.filter(|probe| probe.id == mark.id()).and_then(|probe| {
                    entry.release(leg);
                    (probe.legs & bit(leg) != 0).then(|| arrived.saturating_duration_since(probe.since))
                });
                self.race.on_copy(leg, lag);
            }
            Verdict::Ahead => self.race.on_ahead(leg),
            Verdict::Repeat => self.race.on_repeat(leg),
        }
    }

    /// News becomes the probe. Who is still behind the one before, which is old then, lags.
    fn begin_probe(&mut self, at: usize, leg: usize, mark: Mark, now: Instant) {
        let Some(entry) = self.entries.get(at) else { return };
        if let Some(old) = entry.probe {
            let is_late = |leg: &usize| {
                // It may be in what is there since before, and not read yet.
                entry.sequence.is_behind(*leg, old.id) && self.arrived(*leg, now) >= old.since + PROBE_AGE_MAX
            };
            let late = legs_of(old.legs).filter(is_late).fold(0, |bits, leg| bits | bit(leg));
            legs_of(late).for_each(|leg| self.race.on_late(leg, PROBE_AGE_MAX));
        }
        let Some(entry) = self.entries.get_mut(at) else { return };
        let legs = self.streams.get(entry.stream).map_or(0, |stream| stream.legs & !bit(leg));
        entry.probe = Some(Probe { id: mark.id(), since: now, legs }).filter(|_| legs != 0);
    }

    /// A leg opened: its counts begin.
    pub(crate) fn open(&mut self, leg: usize) {
        self.readable_since.iter_mut().skip(leg).take(1).for_each(|since| *since = None);
        self.race.begin(leg);
    }

    /// A leg has something to read, which came at this time at the earliest.
    pub(crate) fn on_readable(&mut self, leg: usize, since: Instant) {
        self.readable_since.iter_mut().skip(leg).take(1).for_each(|of| *of = Some(since));
    }

    /// When at the earliest there was what a leg brings now.
    fn arrived(&self, leg: usize, now: Instant) -> Instant {
        let since = self.readable_since.get(leg).copied().flatten();
        since.map_or(now, |since| since.min(now))
    }

    /// A leg brings a stream from now on.
    pub(crate) fn join(&mut self, stream: usize, leg: usize, now: Instant) {
        if self.streams.get(stream).is_none() {
            self.streams.resize(stream + 1, Stream::default());
        }
        if let Some(joined_at) = self.joined_at.get_mut(leg) {
            *joined_at = Some(now);
        }
        if let Some(stream) = self.streams.get_mut(stream) {
            if stream.heard.is_none() {
                stream.heard = Some(now);
            }
            stream.legs |= bit(leg);
            // It has until the look after the next to say something.
            stream.spoke |= bit(leg);
        }
        self.entries_of(stream).for_each(|entry| entry.sequence.join(leg));
    }

    /// A leg does not bring a stream any more; `in_order` when everything it was sent has come.
    pub(crate) fn leave(&mut self, stream: usize, leg: usize, in_order: bool, now: Instant) {
        let mut heirs = self.heirs(leg, in_order, now);
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.part(leg);
            heirs = if stream.is_oddly_silent(now) { 0 } else { heirs };
        }
        self.entries_of(stream).for_each(|entry| entry.leave(leg, heirs));
    }

    /// A leg is gone; `in_order` when everything it was sent has come.
    pub(crate) fn close(&mut self, leg: usize, in_order: bool, now: Instant) {
        self.owed.retain(|owed| owed.leg != leg);
        for stream in &mut self.streams {
            stream.part(leg);
            // While nothing could come, it was not silent.
            stream.heard = stream.heard.filter(|_| stream.legs != 0);
        }
        let heirs = self.heirs(leg, in_order, now);
        let Self { entries, streams, .. } = self;
        for entry in entries {
            let is_odd = streams.get(entry.stream).is_some_and(|stream| stream.is_oddly_silent(now));
            entry.leave(leg, if is_odd { 0 } else { heirs });
        }
        self.brought_at.iter_mut().skip(leg).take(1).for_each(|brought_at| *brought_at = None);
    }

    /// The legs that joined so long before a leg brought its last that it has brought all of before, a bit each. Its end is
    /// its last if it was in order.
    fn heirs(&self, leg: usize, in_order: bool, now: Instant) -> u8 {
        let brought_at = self.brought_at.get(leg).copied().flatten();
        let Some(last) = (if in_order { Some(now) } else { brought_at }) else { return 0 };
        let is_heir = |(_, joined_at): &(usize, &Option<Instant>)| {
            joined_at.is_some_and(|joined_at| last >= joined_at + HEIR_AGE)
        };
        self.joined_at.iter().enumerate().filter(is_heir).fold(0, |bits, (leg, _)| bits | bit(leg))
    }

    /// A stream begins: what its place knew of is another's.
    pub(crate) fn forget(&mut self, stream: usize) {
        self.begin_anew(stream, |sequence| *sequence = Sequence::default());
    }

    /// A stream is wanted again.
    pub(crate) fn resume(&mut self, stream: usize) {
        self.begin_anew(stream, Sequence::resume);
    }

    fn begin_anew(&mut self, stream: usize, change: impl Fn(&mut Sequence)) {
        let mut legs = 0;
        if let Some(stream) = self.streams.get_mut(stream) {
            legs = stream.legs;
            *stream = Stream { entry: stream.entry, legs, ..Stream::default() };
        }
        for entry in self.entries_of(stream) {
            change(&mut entry.sequence);
            entry.probe = None;
            legs_of(legs).for_each(|leg| entry.sequence.join(leg));
        }
    }

    /// A stream begins anew at an id that a leg has brought.
    pub(crate) fn restart(&mut self, stream: usize, leg: usize, id: u64, now: Instant) {
        let at = self.entry_at(stream, None);
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.spoke |= bit(leg);
            stream.hear(now);
        }
        if let Some(entry) = self.entries.get_mut(at) {
            entry.sequence.restart(leg, id);
            entry.probe = None;
        }
    }

    /// When a hole becomes a gap without another update.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let overdue = |at: &usize| self.entries.get(*at)?.sequence.overdue_at();
        self.ahead.iter().filter_map(overdue).min()
    }

    /// The next hole that no leg fills any more, or not in time.
    pub(crate) fn next_gap(&mut self, now: Instant) -> Option<StreamGap> {
        let mut gap = None;
        let entries = &mut self.entries;
        self.ahead.retain(|at| {
            let Some(entry) = entries.get_mut(*at).filter(|_| gap.is_none()) else { return true };
            let hole = entry.sequence.give_up(now);
            gap = hole.map(|hole| StreamGap { stream: entry.stream, instrument: entry.instrument, hole });
            entry.sequence.overdue_at().is_some()
        });
        gap
    }

    /// Whether nothing would be missing of the streams that this leg brings if it were the only one.
    pub(crate) fn is_level(&self, leg: usize) -> bool {
        let brings = |stream: usize| self.streams.get(stream).is_some_and(|s| s.legs & bit(leg) != 0);
        let elders = self.elders(leg);
        let is_level = |of: &Sequence| of.is_level(leg) || of.is_heir(leg, elders);
        self.entries.iter().filter(|entry| brings(entry.stream)).all(|entry| is_level(&entry.sequence))
    }

    /// The legs that have brought all that was published before a leg joined, a bit each.
    fn elders(&self, leg: usize) -> u8 {
        let Some(joined_at) = self.joined_at.get(leg).copied().flatten() else { return 0 };
        let is_elder = |(other, brought_at): &(usize, &Option<Instant>)| {
            *other != leg && brought_at.is_some_and(|brought_at| brought_at >= joined_at + HEIR_AGE)
        };
        self.brought_at.iter().enumerate().filter(is_elder).fold(0, |bits, (leg, _)| bits | bit(leg))
    }

    /// A leg is to bring everything up to where the streams stand now.
    pub(crate) fn hand_over(&mut self, leg: usize) {
        let brings = |stream: usize| self.streams.get(stream).is_some_and(|s| s.legs & bit(leg) != 0);
        let owed = |(entry, of): (usize, &Entry)| {
            let place = of.sequence.last().filter(|_| brings(of.stream))?;
            Some(Owed { leg, entry, place })
        };
        let owed: Vec<_> = self.entries.iter().enumerate().filter_map(owed).collect();
        self.owed.retain(|owed| owed.leg != leg);
        self.owed.extend(owed);
    }

    /// Whether it has.
    pub(crate) fn is_handed_over(&mut self, leg: usize) -> bool {
        let entries = &self.entries;
        let is_open = |owed: &Owed| {
            let entry = entries.get(owed.entry);
            entry.is_some_and(|entry| !entry.sequence.has_brought(owed.leg, owed.place))
        };
        self.owed.retain(|owed| owed.leg != leg || is_open(owed));
        self.owed.iter().all(|owed| owed.leg != leg)
    }

    /// Looks which legs bring nothing of a stream while others bring news, for the second time in a row: hands `mute` each stream
    /// with those legs, a bit each, and says which legs have brought anything at all since the last look.
    pub(crate) fn look(&mut self, mut mute: impl FnMut(usize, u8)) -> u8 {
        let mut spoke = 0;
        for (at, stream) in self.streams.iter_mut().enumerate() {
            spoke |= stream.spoke;
            let missed = stream.legs & !stream.spoke;
            if !stream.has_news {
                stream.mute &= missed;
            } else {
                if missed & stream.mute != 0 {
                    mute(at, missed & stream.mute);
                }
                stream.mute = missed;
            }
            (stream.spoke, stream.has_news) = (0, false);
        }
        spoke
    }

    /// When the next stream has been silent for too long: `limit` says how long that is, and it doubles each time it was
    /// told.
    pub(crate) fn silence_deadline(&self, limit: impl Fn(usize) -> Option<Duration>) -> Option<Instant> {
        let ends = |(at, stream): (usize, &Stream)| stream.silent_at(limit(at));
        self.streams.iter().enumerate().filter_map(ends).min()
    }

    /// The streams that have been silent for too long; each is counted as told.
    pub(crate) fn silent(&mut self, now: Instant, limit: impl Fn(usize) -> Option<Duration>) -> Silence {
        let mut silence = Silence { streams: Vec::new(), is_total: false };
        let mut is_any_heard = false;
        for (at, stream) in self.streams.iter_mut().enumerate() {
            let limit = limit(at);
            let Some(silent_at) = stream.silent_at(limit) else { continue };
            if silent_at <= now {
                (stream.told, stream.told_at) = (stream.told.saturating_add(1), Some(now));
                let since = stream.heard.map_or(Duration::ZERO, |heard| now.saturating_duration_since(heard));
                silence.streams.push((at, since, stream.told));
                silence.is_total |= stream.count >= COUNT_MIN;
            } else if stream.told == 0 && stream.count > 0 {
                is_any_heard = true;
            }
        }
        silence.is_total &= !is_any_heard;
        silence
    }

    /// How a leg fares.
    pub(crate) fn counts(&self, leg: usize) -> Option<&LegCounts> {
        self.race.leg(leg)
    }

    /// How far a leg lags since this was asked last, as a median.
    pub(crate) fn take_lag(&mut self, leg: usize) -> Option<Duration> {
        self.race.take_lag(leg)
    }

    fn entries_of(&mut self, stream: usize) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(move |entry| entry.stream == stream)
    }
}

impl Entry {
    /// A leg does not bring it any more.
    fn leave(&mut self, leg: usize, heirs: u8) {
        self.sequence.leave(leg, heirs);
        self.release(leg);
    }

    /// The probe waits for a leg no more.
    fn release(&mut self, leg: usize) {
        if let Some(probe) = &mut self.probe {
            probe.legs &= !bit(leg);
        }
        self.probe = self.probe.filter(|probe| probe.legs != 0);
    }
}

impl Stream {
    /// Something came.
    #[inline]
    fn hear(&mut self, now: Instant) {
        let was_helped = self.told_at.is_some_and(|at| now < at + HELPED_WITHIN);
        // What comes a little later than it may, each time, would have come by itself.
        let is_rhythm = || self.helped.is_some_and(|count| self.count - count < COUNT_MIN);
        if let Some(before) = self.heard
            && (!was_helped || is_rhythm())
        {
            self.longest = self.longest.max(now.saturating_duration_since(before));
        }
        if was_helped {
            self.helped = Some(self.count);
        }
        self.count = self.count.saturating_add(1);
        (self.heard, self.told, self.told_at) = (Some(now), 0, None);
    }

    /// A leg does not bring it any more.
    fn part(&mut self, leg: usize) {
        self.legs &= !bit(leg);
        self.spoke &= !bit(leg);
        self.mute &= !bit(leg);
    }

    /// Whether it has been silent for so long as hardly ever: perhaps it was not brought.
    fn is_oddly_silent(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now.saturating_duration_since(heard) > self.longest.saturating_mul(2))
    }

    /// When it will have been silent for too long: for longer than `limit` and, by far, than it ever was. The time doubles each
    /// time it was told.
    fn silent_at(&self, limit: Option<Duration>) -> Option<Instant> {
        let known = self.longest.saturating_mul(8);
        let limit = match self.count {
            // It may have nothing to say, so that it is asked no more than twice.
            0 => limit.or_else(|| (self.told < 2).then_some(SILENCE_MIN))?,
            1..COUNT_MIN => known.max(limit.unwrap_or(UNKNOWN_SILENCE_MAX)),
            _ => known.max(limit.unwrap_or(SILENCE_MIN)),
        };
        let limit = limit.saturating_mul(1_u32.checked_shl(self.told).unwrap_or(u32::MAX));
        self.heard.filter(|_| self.legs != 0)?.checked_add(limit)
    }
}

pub(crate) fn legs_of(bits: u8) -> impl Iterator<Item = usize> {
    (0..LEGS_MAX).filter(move |leg| bits & bit(*leg) != 0)
}
