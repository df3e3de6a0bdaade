//! What does not come that should: streams that are silent, and connections that bring less than the others.
//!
//! | what | found by | remedy |
//! |---|---|---|
//! | a stream is silent | longer than its kind may be and eight times as long as it ever was, or from the beginning | it is subscribed anew, then its connections are renewed |
//! | all is silent, and is known not to be | the same | its connections are renewed |
//! | a leg does not bring a stream | others bring news of it, for five seconds twice | it is subscribed anew there, then the leg is renewed |
//! | a leg brings nothing | the same | it is replaced |

use std::time::{Duration, Instant};

use crate::{
    order::{Order, legs_of},
    route::LEGS_MAX,
    subscriptions::Subscriptions,
};

/// Between two looks whether a leg brings what others do.
const LOOK: Duration = Duration::from_secs(5);

/// Between two renewals for the same stream if the first did not help; it doubles up to the maximum, and begins anew after
/// twice that.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_MAX: Duration = Duration::from_secs(3600);

/// Watches the streams of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// By stream: how long it may be silent; what is not here may be so for ever.
    silences_max: Vec<Option<Duration>>,
    /// Streams that were subscribed anew on a leg because it did not bring them, as (stream, leg).
    renewed: Vec<(usize, usize)>,
    /// Streams for which legs were renewed as well.
    wounds: Vec<Wound>,
    /// When each leg opened.
    opened_at: [Option<Instant>; LEGS_MAX],
    /// When to look again which legs are mute, while there are several.
    look_at: Option<Instant>,
}

/// What to do about a leg that does not bring what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// It brings nothing: nothing is lost with it.
    Replace(usize),
    /// It brings other things.
    Renew(usize),
}

impl Watch {
    /// A stream may be silent for so long.
    pub(crate) fn set(&mut self, stream: usize, silence_max: Option<Duration>) {
        if self.silences_max.len() <= stream {
            self.silences_max.resize(stream + 1, None);
        }
        if let Some(of) = self.silences_max.get_mut(stream) {
            *of = silence_max;
        }
        // Its place was another's.
        self.renewed.retain(|(of, _)| *of != stream);
        self.wounds.retain(|wound| wound.stream != stream);
    }

    /// A leg has opened or is gone.
    pub(crate) fn on_leg(&mut self, leg: usize, subscriptions: &Subscriptions, now: Instant) {
        self.renewed.retain(|(_, of)| *of != leg);
        self.wounds.iter_mut().for_each(|wound| wound.legs.retain(|of| *of != leg));
        if let Some(opened_at) = self.opened_at.get_mut(leg) {
            *opened_at = subscriptions.is_open(leg).then_some(now);
        }
        // With several legs, each can be measured by the others.
        self.look_at = (subscriptions.open_legs().count() > 1).then(|| now + LOOK);
    }

    /// When to look next.
    pub(crate) fn deadline(&self, order: &Order) -> Option<Instant> {
        [self.look_at, order.silence_deadline(|stream| self.silence_max(stream))].into_iter().flatten().min()
    }

    fn silence_max(&self, stream: usize) -> Option<Duration> {
        self.silences_max.get(stream).copied().flatten()
    }

    /// Looks what does not come, subscribes it anew, and says what else is to be done. Streams that are silent are told to
    /// `tell`.
    pub(crate) fn look(
        &mut self,
        order: &mut Order,
        subscriptions: &mut Subscriptions,
        now: Instant,
        tell: impl FnMut(&str, Duration),
    ) -> Vec<Remedy> {
        let mut remedies = Vec::new();
        if self.look_at.is_some_and(|at| at <= now) {
            self.look_at = Some(now + LOOK);
            self.look_for_mute_legs(order, subscriptions, now, &mut remedies);
        }
        if order.silence_deadline(|stream| self.silence_max(stream)).is_some_and(|at| at <= now) {
            self.look_for_silence(order, subscriptions, now, tell, &mut remedies);
        }
        remedies
    }

    fn look_for_silence(
        &self,
        order: &mut Order,
        subscriptions: &mut Subscriptions,
        now: Instant,
        mut tell: impl FnMut(&str, Duration),
        remedies: &mut Vec<Remedy>,
    ) {
        let silence = order.silent(now, |stream| self.silence_max(stream));
        if silence.is_total {
            subscriptions.open_legs().for_each(|leg| add(remedies, Remedy::Renew(leg)));
            return;
        }
        for (stream, since, told) in silence.streams {
            tell(subscriptions.name(stream), since);
            for leg in subscriptions.open_legs() {
                if told <= 1 {
                    subscriptions.renew(leg, stream, now);
                } else {
                    add(remedies, Remedy::Renew(leg));
                }
            }
        }
    }

    fn look_for_mute_legs(
        &mut self,
        order: &mut Order,
        subscriptions: &mut Subscriptions,
        now: Instant,
        remedies: &mut Vec<Remedy>,
    ) {
        let mut mute = Vec::new();
        let spoke = order.look(|stream, legs| mute.extend(legs_of(legs).map(|leg| (stream, leg))));
        for (stream, leg) in mute {
            if legs_of(spoke).any(|spoke| spoke == leg) {
                self.mend(stream, leg, subscriptions, now, remedies);
            } else {
                add(remedies, Remedy::Replace(leg));
            }
        }
    }

    /// Subscribes a stream anew on a leg, or gives the leg up if that was done already.
    fn mend(
        &mut self,
        stream: usize,
        leg: usize,
        subscriptions: &mut Subscriptions,
        now: Instant,
        remedies: &mut Vec<Remedy>,
    ) {
        if !self.renewed.contains(&(stream, leg)) {
            if subscriptions.renew(leg, stream, now) {
                self.renewed.push((stream, leg));
            }
        } else if self.may_renew(stream, leg, now) {
            add(remedies, Remedy::Renew(leg));
        }
    }

    /// Whether a leg may be renewed for a stream, which is as patient as it did not help before; counts it.
    fn may_renew(&mut self, stream: usize, leg: usize, now: Instant) -> bool {
        let opened_at = self.opened_at.get(leg).copied().flatten();
        let Some(wound) = self.wounds.iter_mut().find(|wound| wound.stream == stream) else {
            self.wounds.push(Wound { stream, at: now, patience: PATIENCE, legs: vec![leg] });
            return true;
        };
        if opened_at < Some(wound.at) && !wound.legs.contains(&leg) {
            // It is no successor of one that was renewed for that.
            wound.legs.push(leg);
            return true;
        }
        let passed = now.saturating_duration_since(wound.at);
        if passed < wound.patience {
            return false;
        }
        let is_healed = passed >= 2 * PATIENCE_MAX;
        wound.patience = if is_healed { PATIENCE } else { (wound.patience * 2).min(PATIENCE_MAX) };
        wound.at = now;
        true
    }
}

/// Each is wanted once.
fn add(remedies: &mut Vec<Remedy>, remedy: Remedy) {
    if !remedies.contains(&remedy) {
        remedies.push(remedy);
    }
}

/// A stream that some leg did not bring, although it was asked for anew.
#[derive(Debug)]
struct Wound {
    stream: usize,
    /// When a leg was renewed for that.
    at: Instant,
    /// How long none is that opened since.
    patience: Duration,
    /// The legs that are renewed for that.
    legs: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{order::Mark, subscriptions::Aim};

    /// Two streams that two legs bring.
    struct Rig {
        watch: Watch,
        order: Order,
        subscriptions: Subscriptions,
        now: Instant,
        news: u64,
    }

    impl Rig {
        #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
        fn new() -> Self {
            let now = Instant::now();
            let mut subscriptions = Subscriptions::new(9);
            for name in ["a", "b"] {
                subscriptions.add(name, 0, None);
            }
            let (watch, order) = (Watch::default(), Order::default());
            let mut rig = Self { watch, order, subscriptions, now, news: 0 };
            (0..2).for_each(|leg| rig.open(leg));
            rig
        }

        fn open(&mut self, leg: usize) {
            self.subscriptions.on_open(leg, self.now);
            self.watch.on_leg(leg, &self.subscriptions, self.now);
            self.confirm(leg);
        }

        fn confirm(&mut self, leg: usize) {
            self.subscriptions.ask(leg, Aim::Subscribe, 1, self.now);
            for (stream, _) in self.subscriptions.on_done(leg, 1, self.now, |_| true) {
                self.order.join(stream, leg, self.now);
            }
        }

        fn close(&mut self, leg: usize) {
            self.subscriptions.on_closed(leg);
            self.order.close(leg, false, self.now);
            self.watch.on_leg(leg, &self.subscriptions, self.now);
        }

        /// All that a leg should bring is brought, but one stream by the first leg alone; and it is looked at.
        fn mute(&mut self) -> Vec<Remedy> {
            self.news += 1;
            self.order.judge(1, None, 0, Mark::counted(self.news), self.now);
            for leg in self.subscriptions.open_legs() {
                self.order.judge(0, None, leg, Mark::counted(self.news), self.now);
            }
            self.now += LOOK;
            self.look()
        }

        /// It lacks the stream until the look after the next, for one that is subscribed counts as heard, and once more.
        fn is_mended_in_time(&mut self) -> bool {
            let remedies = [self.mute(), self.mute()].concat();
            let is_early = self.is_subscribed_anew(1);
            let remedies = [remedies, self.mute()].concat();
            remedies.is_empty() && !is_early && self.is_subscribed_anew(1)
        }

        fn look(&mut self) -> Vec<Remedy> {
            self.watch.look(&mut self.order, &mut self.subscriptions, self.now, |_, _| ())
        }

        /// The stream that a leg does not bring is subscribed anew there.
        fn is_subscribed_anew(&mut self, leg: usize) -> bool {
            let is_left = self.subscriptions.ask(leg, Aim::Unsubscribe, 2, self.now).is_some();
            let left = self.subscriptions.on_done(leg, 2, self.now, |_| true);
            self.confirm(leg);
            is_left && left.len() == 1 && left.iter().all(|(stream, _)| *stream == 1)
        }
    }

    #[test]
    fn legs_are_looked_at_every_five_seconds_while_there_are_several() {
        let mut rig = Rig::new();
        assert_eq!(rig.watch.deadline(&rig.order), Some(rig.now + LOOK));
        rig.now += LOOK;
        assert_eq!(rig.look(), []);
        assert_eq!(rig.watch.deadline(&rig.order), Some(rig.now + LOOK));
        rig.close(0);
        assert!(rig.watch.deadline(&rig.order).is_none_or(|at| at > rig.now + LOOK));
    }

    #[test]
    fn a_stream_that_a_leg_does_not_bring_is_subscribed_anew_and_then_the_leg_renewed() {
        let mut rig = Rig::new();
        assert!(rig.is_mended_in_time());
        assert_eq!([rig.mute(), rig.mute()], [vec![], vec![]]);
        assert_eq!(rig.mute(), [Remedy::Renew(1)]);
    }

    #[test]
    fn each_leg_that_lacks_a_stream_is_renewed_and_only_a_successor_that_lacks_it_too_has_to_wait() {
        let mut rig = Rig::new();
        assert!(rig.is_mended_in_time());
        rig.open(2);
        assert_eq!([rig.mute(), rig.mute()], [vec![], vec![]]);
        assert_eq!(rig.mute(), [Remedy::Renew(1)]);
        assert!(rig.is_subscribed_anew(2));
        assert_eq!([rig.mute(), rig.mute()], [vec![], vec![]]);
        assert_eq!(rig.mute(), [Remedy::Renew(2)], "after 15 s");
        rig.close(2);
        rig.close(1);
        rig.open(1);
        assert!(rig.is_mended_in_time(), "after 30 s");
        assert_eq!([(); 5].map(|()| rig.mute()), [const { vec![] }; 5]);
        assert_eq!(rig.mute(), [Remedy::Renew(1)], "after 60 s");
    }

    #[test]
    fn what_one_leg_brings_late_or_joins_says_nothing_against_another() {
        let mut rig = Rig::new();
        let bring = |rig: &mut Rig, leg, id| rig.order.judge(1, None, leg, Mark::counted(id), rig.now);
        for round in 0..3 {
            bring(&mut rig, 0, round);
            rig.now += LOOK;
            assert_eq!(rig.look(), []);
            bring(&mut rig, 1, round);
            rig.now += LOOK;
            assert_eq!(rig.look(), []);
            // Another joins, and goes.
            rig.open(2);
            rig.now += LOOK;
            assert_eq!(rig.look(), []);
            rig.close(2);
            assert!(![0, 1].into_iter().any(|leg| rig.is_subscribed_anew(leg)), "round {round}");
        }
    }

    #[test]
    fn what_was_done_for_a_leg_that_is_gone_is_not_held_against_the_next() {
        let mut rig = Rig::new();
        assert!(rig.is_mended_in_time());
        rig.close(1);
        rig.open(1);
        assert!(rig.is_mended_in_time(), "first of all");
        // Another leg that comes and goes changes nothing about this one.
        rig.open(2);
        rig.close(2);
        assert_eq!([rig.mute(), rig.mute()], [vec![], vec![]]);
        assert_eq!(rig.mute(), [Remedy::Renew(1)]);
    }
}
