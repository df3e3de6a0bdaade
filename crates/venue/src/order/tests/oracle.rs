//! All streams of an endpoint, told from their histories.

use super::*;

/// A stream, and the instrument where it tells of several.
pub(super) type Key = (usize, Option<Instrument>);

/// A stream, whatever it tells of.
#[derive(Debug, Default)]
struct Heard {
    legs: BTreeSet<usize>,
    /// When something came, beginning with when it could; anew after a time in which nothing could.
    spells: Vec<Vec<Instant>>,
    /// Legs that said something since the last look, and how many times somebody told something first.
    spoke: BTreeSet<usize>,
    news: usize,
    /// Those that have said nothing since before a look that followed on news.
    missed: BTreeSet<usize>,
}

impl Heard {
    fn hear(&mut self, leg: usize, now: Instant) {
        self.spoke.insert(leg);
        self.spell().push(now);
    }

    fn spell(&mut self) -> &mut Vec<Instant> {
        if self.spells.is_empty() {
            self.spells.push(Vec::new());
        }
        self.spells.last_mut().unwrap()
    }

    fn part(&mut self, leg: usize) {
        for of in [&mut self.legs, &mut self.spoke, &mut self.missed] {
            of.remove(&leg);
        }
    }

    /// Silent for twice as long as ever.
    fn is_oddly_silent(&self, now: Instant) -> bool {
        let silences = self.spells.iter().flat_map(|spell| spell.windows(2)).map(|pair| pair[1] - pair[0]);
        let longest = silences.max().unwrap_or_default();
        self.spells.last().and_then(|spell| spell.last()).is_some_and(|last| now - *last > 2 * longest)
    }
}

#[derive(Debug, Default)]
pub(super) struct Oracle {
    streams: BTreeMap<usize, Heard>,
    histories: BTreeMap<Key, History>,
    joined: BTreeMap<usize, Instant>,
    brought: BTreeMap<usize, Instant>,
    owed: Vec<(usize, Key, At)>,
    /// What each leg brought, by what it was.
    tallies: BTreeMap<usize, [u64; 4]>,
}

impl Oracle {
    fn stream(&mut self, stream: usize) -> &mut Heard {
        self.streams.entry(stream).or_default()
    }

    fn of(&mut self, stream: usize) -> impl Iterator<Item = &mut History> {
        self.histories.iter_mut().filter(move |((of, _), _)| *of == stream).map(|(_, history)| history)
    }

    pub(super) fn bring(&mut self, key: Key, leg: usize, mark: Mark, now: Instant) -> Verdict {
        let stream = self.streams.entry(key.0).or_default();
        let history = self.histories.entry(key).or_insert_with(|| {
            let mut history = History::default();
            stream.legs.iter().for_each(|leg| history.join(*leg));
            history
        });
        let verdict = history.bring(leg, mark, now);
        stream.hear(leg, now);
        stream.news += usize::from(verdict != Verdict::Copy && verdict != Verdict::Repeat);
        self.brought.insert(leg, now);
        if stream.legs.len() > 1 || verdict != Verdict::Next {
            let kind = match verdict {
                Verdict::Next | Verdict::Gap(_) => 0,
                Verdict::Copy => 1,
                Verdict::Ahead => 2,
                Verdict::Repeat => 3,
            };
            self.tallies.entry(leg).or_default()[kind] += 1;
        }
        verdict
    }

    pub(super) fn open(&mut self, leg: usize) {
        self.tallies.remove(&leg);
    }

    pub(super) fn tally(&self, leg: usize) -> [u64; 4] {
        self.tallies.get(&leg).copied().unwrap_or_default()
    }

    pub(super) fn join(&mut self, stream: usize, leg: usize, now: Instant) {
        self.joined.insert(leg, now);
        let heard = self.stream(stream);
        heard.legs.insert(leg);
        heard.spoke.insert(leg);
        if heard.spell().is_empty() {
            heard.spell().push(now);
        }
        self.of(stream).for_each(|history| history.join(leg));
    }

    /// Who joined ten seconds before the last that a leg has brought.
    fn heirs(&self, leg: usize, in_order: bool, now: Instant) -> BTreeSet<usize> {
        let last = if in_order { Some(now) } else { self.brought.get(&leg).copied() };
        let is_heir = |(_, joined): &(&usize, &Instant)| last.is_some_and(|last| **joined + TEN <= last);
        self.joined.iter().filter(is_heir).map(|(leg, _)| *leg).collect()
    }

    pub(super) fn leave(&mut self, stream: usize, leg: usize, in_order: bool, now: Instant) {
        let mut heirs = self.heirs(leg, in_order, now);
        let heard = self.stream(stream);
        heard.part(leg);
        if heard.is_oddly_silent(now) {
            heirs.clear();
        }
        self.of(stream).for_each(|history| history.leave(leg, &heirs));
    }

    pub(super) fn close(&mut self, leg: usize, in_order: bool, now: Instant) {
        self.owed.retain(|(of, ..)| *of != leg);
        let heirs = self.heirs(leg, in_order, now);
        for (at, heard) in &mut self.streams {
            heard.part(leg);
            if heard.legs.is_empty() && !heard.spell().is_empty() {
                heard.spells.push(Vec::new());
            }
            let heirs = if heard.is_oddly_silent(now) { &BTreeSet::new() } else { &heirs };
            let histories = self.histories.iter_mut().filter(|((of, _), _)| of == at);
            histories.for_each(|(_, history)| history.leave(leg, heirs));
        }
        self.brought.remove(&leg);
    }

    pub(super) fn begin_anew(&mut self, stream: usize, is_forgotten: bool) {
        let legs = self.stream(stream).legs.clone();
        *self.stream(stream) = Heard { legs: legs.clone(), ..Heard::default() };
        self.of(stream).for_each(|history| history.begin_anew(&legs, is_forgotten));
    }

    pub(super) fn restart(&mut self, stream: usize, leg: usize, id: u64, now: Instant) {
        let heard = self.stream(stream);
        heard.hear(leg, now);
        let legs = heard.legs.clone();
        let history = self.histories.entry((stream, None)).or_insert_with(|| {
            let mut history = History::default();
            legs.iter().for_each(|leg| history.join(*leg));
            history
        });
        history.restart(leg, id);
    }

    pub(super) fn gaps(&mut self, now: Instant) -> Vec<(Key, Hole)> {
        let gap = |(key, history): (&Key, &mut History)| Some((*key, history.gap(now)?));
        self.histories.iter_mut().filter_map(gap).collect()
    }

    pub(super) fn gap_at(&self) -> Option<Instant> {
        self.histories.values().filter_map(History::gap_at).min()
    }

    pub(super) fn is_level(&self, leg: usize) -> bool {
        let brings = |stream: &usize| self.streams[stream].legs.contains(&leg);
        let joined = self.joined.get(&leg).copied();
        let is_elder =
            |(_, brought): &(&usize, &Instant)| joined.is_some_and(|joined| joined + TEN <= **brought);
        let mut elders: BTreeSet<_> = self.brought.iter().filter(is_elder).map(|(elder, _)| *elder).collect();
        elders.remove(&leg);
        self.histories.iter().all(|((stream, _), history)| !brings(stream) || history.is_level(leg, &elders))
    }

    pub(super) fn hand_over(&mut self, leg: usize) {
        self.owed.retain(|(of, ..)| *of != leg);
        for (key, history) in &self.histories {
            if self.streams[&key.0].legs.contains(&leg) {
                self.owed.extend(history.last().map(|last| (leg, *key, last)));
            }
        }
    }

    pub(super) fn is_handed_over(&mut self, leg: usize) -> bool {
        let histories = &self.histories;
        self.owed.retain(|(of, key, at)| *of != leg || !histories[key].has_brought(leg, *at));
        self.owed.iter().all(|(of, ..)| *of != leg)
    }

    /// The legs that missed a stream in two looks that followed on news of it, and those that brought anything.
    pub(super) fn look(&mut self) -> (BTreeMap<usize, BTreeSet<usize>>, BTreeSet<usize>) {
        let (mut mute, mut spoke) = (BTreeMap::new(), BTreeSet::new());
        for (at, heard) in &mut self.streams {
            let (said, news) = (std::mem::take(&mut heard.spoke), std::mem::take(&mut heard.news));
            let twice = &heard.missed - &said;
            if news > 0 {
                heard.missed = &heard.legs - &said;
                mute.extend(Some((*at, twice)).filter(|(_, twice)| !twice.is_empty()));
            } else {
                heard.missed = twice;
            }
            spoke.extend(said);
        }
        (mute, spoke)
    }
}
