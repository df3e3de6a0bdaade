//! What does not come that should: streams that are silent, and connections that bring less than the others.
//!
//! | what | found by | remedy |
//! |---|---|---|
//! | a stream is silent | longer than its kind may be and eight times as long as it ever was, or from the beginning | it is subscribed anew, then its connections are renewed |
//! | all is silent, and is known not to be | the same | its connections are renewed |
//! | a leg does not bring a stream | others do, for five seconds twice | it is subscribed anew there, then the leg is renewed |
//! | a leg brings nothing | the same | it is replaced |

use std::time::{Duration, Instant};

use crate::{
    order::{Order, legs_of},
    subscriptions::Subscriptions,
};

/// Between two looks whether a leg brings what others do.
const LOOK: Duration = Duration::from_secs(5);

/// Watches the streams of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// By stream: how long it may be silent; what is not here may be so for ever.
    silences_max: Vec<Option<Duration>>,
    /// Streams that were subscribed anew on a leg because it did not bring them, as (stream, leg).
    renewed: Vec<(usize, usize)>,
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
    }

    /// A leg has opened or is gone.
    pub(crate) fn on_leg(&mut self, leg: usize, subscriptions: &Subscriptions, now: Instant) {
        self.renewed.retain(|(_, of)| *of != leg);
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
            remedies.extend(subscriptions.open_legs().map(Remedy::Renew));
            return;
        }
        for (stream, since, told) in silence.streams {
            tell(subscriptions.name(stream), since);
            for leg in subscriptions.open_legs() {
                if told <= 1 {
                    subscriptions.renew(leg, stream, now);
                } else if !remedies.contains(&Remedy::Renew(leg)) {
                    remedies.push(Remedy::Renew(leg));
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
            } else if !remedies.contains(&Remedy::Replace(leg)) {
                remedies.push(Remedy::Replace(leg));
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
        } else if !remedies.contains(&Remedy::Renew(leg)) {
            remedies.push(Remedy::Renew(leg));
        }
    }
}
