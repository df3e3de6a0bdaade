//! Any mixture of what connections do.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const LEGS: usize = 4;
/// Streams, each with ids of another kind; the last tells of two instruments.
const STREAMS: usize = 6;

/// The mark of what a venue publishes as the `nth` of a stream.
fn mark(stream: usize, nth: u64) -> Mark {
    match stream {
        0 => Mark::counted(100 + nth),
        1 => Mark::Id { id: 100 + 3 * nth, previous: Some(97 + 3 * nth) },
        2 => Mark::Rising(100 + nth + nth / 3),
        3 => Mark::Time(100 + nth / 3),
        4 => Mark::State(100 + nth / 2),
        _ => Mark::Id { id: 100 + nth, previous: None },
    }
}

#[derive(Debug, Clone)]
enum Step {
    Join,
    Leave {
        in_order: bool,
    },
    Close {
        in_order: bool,
    },
    /// It brings so many, one after the other.
    Bring(usize),
    Lose(u64),
    GoBack(u64),
    /// The venue begins to publish from the beginning.
    Anew,
    Resume,
    Forget,
    Restart,
    HandOver,
    /// It is asked whether it was handed over, which must not matter.
    AskWhatIsOwed,
    Look,
    Pass(Duration),
    /// Everybody loses the venue, which begins anew, and only after a time brings more than one message.
    Outage(Duration),
    /// Another leg joins, is silent like the stream, and goes on alone; before that the stream was silent for a time.
    Succession(Duration),
}

/// What happens, and to which stream, instrument and leg.
type Scene = (Step, usize, u32, usize);

/// Most of it happens to one stream.
fn scenes() -> impl Strategy<Value = Vec<Scene>> {
    (0..STREAMS).prop_flat_map(|stream| vec(scene(stream), 1..150))
}

fn scene(stream: usize) -> impl Strategy<Value = Scene> {
    let spans = [1, 400, 600, 1000, 5000, 9000, 10_000, 60_000].map(ms).to_vec();
    let step = prop_oneof![
        3 => Just(Step::Join),
        1 => any::<bool>().prop_map(|in_order| Step::Leave { in_order }),
        1 => any::<bool>().prop_map(|in_order| Step::Close { in_order }),
        20 => (1..5_usize).prop_map(Step::Bring),
        1 => Just(Step::Bring(120)),
        2 => (1..4_u64).prop_map(Step::Lose),
        2 => (1..4_u64).prop_map(Step::GoBack),
        1 => Just(Step::Anew),
        1 => Just(Step::Resume),
        1 => Just(Step::Forget),
        1 => Just(Step::Restart),
        2 => Just(Step::HandOver),
        2 => Just(Step::AskWhatIsOwed),
        2 => Just(Step::Look),
        1 => select([29, 30, 31].map(|s| ms(s * 1000)).to_vec()).prop_map(Step::Outage),
        1 => select([4999, 5000, 9000].map(ms).to_vec()).prop_map(Step::Succession),
        6 => select(spans).prop_map(Step::Pass),
    ];
    (step, prop_oneof![4 => Just(stream), 1 => 0..STREAMS], 0..2_u32, prop_oneof![0..LEGS, 0..2_usize])
}

/// The streams as they are and as they are remembered.
struct Pair {
    order: Order,
    oracle: Oracle,
    now: Instant,
    /// How far each leg is in what the venue publishes.
    cursors: BTreeMap<(Key, usize), u64>,
}

impl Pair {
    fn new() -> Self {
        let now = beginning();
        Self { order: Order::default(), oracle: Oracle::default(), now, cursors: BTreeMap::new() }
    }

    fn play(&mut self, (step, stream, instrument, leg): Scene) {
        let key = (stream, (stream == STREAMS - 1).then_some(Instrument(instrument)));
        let now = self.now;
        match step {
            Step::Join => self.join(stream, leg),
            Step::Leave { in_order } => {
                self.order.leave(stream, leg, in_order, now);
                self.oracle.leave(stream, leg, in_order, now);
            }
            Step::Close { in_order } => {
                self.order.close(leg, in_order, now);
                self.oracle.close(leg, in_order, now);
                self.order.open(leg);
                self.oracle.open(leg);
            }
            Step::Bring(count) => (0..count).for_each(|_| self.bring(key, leg)),
            Step::Lose(count) => *self.cursors.entry((key, leg)).or_default() += count,
            Step::GoBack(count) => {
                let cursor = self.cursors.entry((key, leg)).or_default();
                *cursor = cursor.saturating_sub(count);
            }
            Step::Anew => self.cursors.retain(|((of, _), _), _| *of != stream),
            Step::Resume => {
                self.order.resume(stream);
                self.oracle.begin_anew(stream, false);
            }
            Step::Forget => {
                self.order.forget(stream);
                self.oracle.begin_anew(stream, true);
            }
            Step::Restart => self.restart(stream, leg),
            Step::HandOver => {
                self.order.hand_over(leg);
                self.oracle.hand_over(leg);
            }
            Step::AskWhatIsOwed => {
                assert_eq!(self.order.is_handed_over(leg), self.oracle.is_handed_over(leg), "owed by {leg}");
            }
            Step::Look => self.look(),
            Step::Pass(span) => {
                // Whatever is next sees it first.
                self.now += span;
                return;
            }
            Step::Succession(span) => self.succession(span, (stream, instrument, leg)),
            Step::Outage(span) => self.outage(span, (stream, instrument, leg)),
        }
        self.compare();
    }

    fn join(&mut self, stream: usize, leg: usize) {
        self.order.join(stream, leg, self.now);
        self.oracle.join(stream, leg, self.now);
        // It brings what is published from now on.
        for instrument in [None, Some(Instrument(0)), Some(Instrument(1))] {
            let key = (stream, instrument);
            let head = (0..LEGS).filter_map(|leg| self.cursors.get(&(key, leg))).max();
            let head = head.copied().unwrap_or(0);
            self.cursors.insert((key, leg), head);
        }
    }

    fn bring(&mut self, key: Key, leg: usize) {
        let cursor = self.cursors.entry((key, leg)).or_default();
        let mark = mark(key.0, *cursor);
        *cursor += 1;
        let verdict = self.order.judge(key.0, key.1, leg, mark, self.now);
        assert_eq!(verdict, self.oracle.bring(key, leg, mark, self.now), "{key:?} {leg} {mark:?}");
        self.compare_gaps();
    }

    fn outage(&mut self, span: Duration, (stream, instrument, leg): (usize, u32, usize)) {
        let of = |step| (step, stream, instrument, leg);
        (0..LEGS).for_each(|leg| self.play((Step::Close { in_order: false }, stream, instrument, leg)));
        let after = [Step::Anew, Step::Join, Step::Bring(1), Step::Pass(span), Step::Bring(2)];
        after.into_iter().for_each(|step| self.play(of(step)));
    }

    fn succession(&mut self, span: Duration, (stream, instrument, leg): (usize, u32, usize)) {
        let old = [Step::Join, Step::Bring(1), Step::Pass(span), Step::Bring(1)];
        old.into_iter().for_each(|step| self.play((step, stream, instrument, leg)));
        let next = (leg + 1) % LEGS;
        self.play((Step::Join, stream, instrument, next));
        self.now += TEN;
        self.play((Step::Close { in_order: true }, stream, instrument, leg));
        let next_steps = [Step::HandOver, Step::AskWhatIsOwed, Step::Bring(2), Step::AskWhatIsOwed];
        next_steps.into_iter().for_each(|step| self.play((step, stream, instrument, next)));
    }

    /// Only streams without instruments are restarted.
    fn restart(&mut self, stream: usize, leg: usize) {
        if stream < STREAMS - 1 {
            let cursor = *self.cursors.entry(((stream, None), leg)).or_default();
            let id = mark(stream, cursor).id();
            self.order.restart(stream, leg, id, self.now);
            self.oracle.restart(stream, leg, id, self.now);
        }
    }

    fn look(&mut self) {
        let mut mute = BTreeMap::new();
        let spoke = self.order.look(|stream, legs| {
            mute.insert(stream, legs_of(legs).collect::<BTreeSet<_>>());
        });
        assert_eq!((mute, legs_of(spoke).collect()), self.oracle.look());
    }

    fn compare_gaps(&mut self) {
        let gaps = std::iter::from_fn(|| self.order.next_gap(self.now));
        let mut gaps: Vec<_> = gaps.map(|gap| ((gap.stream, gap.instrument), gap.hole)).collect();
        gaps.sort_by_key(|(key, _)| *key);
        assert_eq!(gaps, self.oracle.gaps(self.now));
        assert_eq!(self.order.deadline(), self.oracle.gap_at());
    }

    fn compare(&mut self) {
        self.compare_gaps();
        for leg in 0..LEGS {
            assert_eq!(self.order.is_level(leg), self.oracle.is_level(leg), "level {leg}");
            let counts = self.order.counts(leg).unwrap();
            let tally = [counts.firsts, counts.copies, counts.ahead, counts.repeats];
            assert_eq!(tally, self.oracle.tally(leg), "counts of {leg}");
        }
    }
}

proptest! {
    #[test]
    fn streams_stand_where_all_that_was_brought_says(scenes in scenes()) {
        let mut pair = Pair::new();
        scenes.into_iter().for_each(|scene| pair.play(scene));
    }
}
