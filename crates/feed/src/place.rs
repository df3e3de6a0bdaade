//! A connection that is wanted, whichever it is at the time.
//!
//! ```text
//!            dialed             renewed             dialed              ready
//!   Waiting ────────► Single ───────────► Renewing ────────► Joining ──────────► Overlap
//!     ▲ ▲              │ ▲ ▲               │ ▲  ▲              │ │                │  │
//!     │ └──── lost ────┘ │ │               │ │  └── new lost ──┘ │                │  │
//!     └──── old lost ────│─│───────────────┘ └──────── new lost ─│────────────────┘  │
//!                        │ └──────────── old lost ───────────────┘                   │
//!                        └───────── old lost, or the overlap is over ────────────────┘
//! ```
//!
//! A successor (new) that is given up is lost. What leads to Waiting leads to Stopped where no attempt can succeed, and so
//! does `close` from everywhere.

use std::time::{Duration, Instant};

use tickwire_venue::Renewal;

use crate::retry::{Retry, Then};

/// How long a successor waits for another attempt when its first was refused for good: the old connection is still good.
const STOPPED_SUCCESSOR: Duration = Duration::from_secs(600);

/// One of the connections that are kept to an endpoint.
#[derive(Debug)]
pub(crate) struct Place {
    life: Life,
    pub(crate) retry: Retry,
    /// When it was lost, while it is.
    pub(crate) lost_at: Option<Instant>,
    /// Not renewed for its lag before this time.
    pub(crate) patient_until: Option<Instant>,
}

/// What serves a place, by legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Nothing; an attempt is due at a time.
    Waiting(Instant),
    /// One connection, to be renewed at a time once it is ready.
    Single { leg: usize, renewal: Option<(Instant, Renewal)> },
    /// One connection; an attempt to make its successor is due at a time.
    Renewing { old: usize, at: Instant },
    /// One connection, and a successor that is not ready.
    Joining { old: usize, new: usize },
    /// One connection that goes on to a time beside its successor, which was ready.
    Overlap { old: usize, new: usize, until: Instant, renewal: Option<(Instant, Renewal)> },
    /// Nothing, and nothing will.
    Stopped,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Connect, and tell [`Place::dialed`].
    Dial,
    /// [`Place::renew`] this leg.
    Renew { leg: usize, why: Renewal },
    /// Retire the old one as soon as it has nothing that the new one lacks, and tell [`Place::overlap_over`].
    Retire { old: usize, new: usize, since: Instant },
}

/// What is to be done about a connection that is to be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renew {
    /// Tell that it is being renewed.
    Tell,
    /// Give it up: it is a successor, and the old one is still there to have another.
    GiveUp,
}

impl Place {
    pub(crate) fn new(now: Instant) -> Self {
        Self { life: Life::Waiting(now), retry: Retry::default(), lost_at: None, patient_until: None }
    }

    /// The connection that serves it; a successor only once the old one is gone.
    pub(crate) fn leg(&self) -> Option<usize> {
        match self.life {
            Life::Single { leg, .. } => Some(leg),
            Life::Renewing { old, .. } | Life::Joining { old, .. } | Life::Overlap { old, .. } => Some(old),
            Life::Waiting(_) | Life::Stopped => None,
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.life == Life::Stopped
    }

    /// When something is due; `look` is when to see again how far an old connection is that has had its time.
    pub(crate) fn deadline(&self, look: Instant) -> Option<Instant> {
        match self.life {
            Life::Waiting(at) | Life::Renewing { at, .. } => Some(at),
            Life::Single { renewal, .. } => renewal.map(|(at, _)| at),
            Life::Overlap { until, .. } => Some(until.max(look)),
            Life::Joining { .. } | Life::Stopped => None,
        }
    }

    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        match self.life {
            Life::Waiting(at) | Life::Renewing { at, .. } if at <= now => Some(Due::Dial),
            Life::Single { leg, renewal: Some((at, why)) } if at <= now => Some(Due::Renew { leg, why }),
            Life::Overlap { old, new, until, .. } if until <= now => {
                Some(Due::Retire { old, new, since: until })
            }
            _ => None,
        }
    }

    /// Whether what is to be dialed is a successor.
    pub(crate) fn is_renewing(&self) -> bool {
        matches!(self.life, Life::Renewing { .. })
    }

    /// A leg is being connected, or may be from a time.
    pub(crate) fn dialed(&mut self, dialed: Result<usize, Instant>) {
        self.life = match (self.life, dialed) {
            (Life::Waiting(_), Ok(leg)) => Life::Single { leg, renewal: None },
            (Life::Waiting(_), Err(at)) => Life::Waiting(at),
            (Life::Renewing { old, .. }, Ok(new)) => Life::Joining { old, new },
            (Life::Renewing { old, .. }, Err(at)) => Life::Renewing { old, at },
            (life, _) => life,
        };
    }

    /// A leg is ready, to be renewed at a time. The leg that is to hand over to it, which it may do until another time.
    pub(crate) fn ready(
        &mut self,
        leg: usize,
        renewal: Option<(Instant, Renewal)>,
        until: Instant,
    ) -> Option<usize> {
        match self.life {
            Life::Single { leg: only, .. } if only == leg => {
                self.life = Life::Single { leg, renewal };
                None
            }
            Life::Joining { old, new } if new == leg => {
                self.life = Life::Overlap { old, new, until, renewal };
                Some(old)
            }
            // One that was to be renewed before.
            _ => None,
        }
    }

    /// A leg is to be renewed; `is_ready` says how it is now.
    pub(crate) fn renew(&mut self, leg: usize, why: Renewal, is_ready: bool, now: Instant) -> Option<Renew> {
        match self.life {
            Life::Single { leg: old, .. } if old == leg => {
                self.life = Life::Renewing { old, at: now };
                Some(Renew::Tell)
            }
            Life::Joining { new, .. } | Life::Overlap { new, .. } if new == leg && !is_ready => {
                Some(Renew::GiveUp)
            }
            Life::Overlap { old, new, until, .. } if new == leg => {
                // One after the other.
                self.life = Life::Overlap { old, new, until, renewal: Some((now, why)) };
                None
            }
            _ => None,
        }
    }

    /// The old leg is retired: its successor goes on alone.
    pub(crate) fn overlap_over(&mut self) {
        if let Life::Overlap { new: leg, renewal, .. } = self.life {
            self.life = Life::Single { leg, renewal };
        }
    }

    /// A leg was lost, or came to nothing. What is done about it, of which `after` is asked unless its successor is there
    /// already.
    pub(crate) fn lost(
        &mut self,
        leg: usize,
        now: Instant,
        after: impl FnOnce(&mut Retry) -> Then,
    ) -> Option<Then> {
        match self.life {
            // Its successor is there already.
            Life::Joining { old, new } if old == leg => {
                self.lost_at.get_or_insert(now);
                self.life = Life::Single { leg: new, renewal: None };
                None
            }
            Life::Overlap { old, .. } if old == leg => {
                self.overlap_over();
                None
            }
            // The old one is still good.
            Life::Joining { old, new } | Life::Overlap { old, new, .. } if new == leg => {
                let (then, delay) = match after(&mut self.retry) {
                    Then::Stop => (Then::Again(STOPPED_SUCCESSOR), STOPPED_SUCCESSOR),
                    then @ (Then::Again(delay) | Then::Hold(delay)) => (then, delay),
                };
                self.life = Life::Renewing { old, at: now + delay };
                Some(then)
            }
            Life::Single { leg: only, .. } | Life::Renewing { old: only, .. } if only == leg => {
                let then = match (after(&mut self.retry), self.life) {
                    // No later than its successor was to be tried.
                    (Then::Again(delay), Life::Renewing { at, .. }) => {
                        Then::Again(delay.min(at.saturating_duration_since(now)))
                    }
                    (then, _) => then,
                };
                self.lost_at.get_or_insert(now);
                self.life = then.delay().map_or(Life::Stopped, |delay| Life::Waiting(now + delay));
                Some(then)
            }
            _ => None,
        }
    }

    /// Nothing is wanted any more.
    pub(crate) fn close(&mut self) {
        self.life = Life::Stopped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that a place is told, at second 100.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Input {
        /// A leg, or when.
        Dialed(Result<usize, u64>),
        Ready(usize),
        Renew(usize, bool),
        Over,
        Lost(usize, Then),
        Close,
    }

    /// What is to be done about it.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Output {
        Nothing,
        HandOver(usize),
        Renew(Renew),
        Then(Then),
    }

    use Input::{Close, Dialed, Lost, Over, Ready};
    use Life::{Joining, Overlap, Renewing, Single, Stopped, Waiting};
    use Output::{HandOver, Nothing};

    /// Seconds from an instant that is the same for all.
    struct Clock(Instant);

    impl Clock {
        #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
        fn new() -> Self {
            Self(Instant::now())
        }

        fn at(&self, seconds: u64) -> Instant {
            self.0 + Duration::from_secs(seconds)
        }

        /// What becomes of a place, and what is to be done.
        fn tell(&self, life: Life, input: Input) -> (Life, Output) {
            let now = self.at(100);
            let mut place = Place { life, ..Place::new(now) };
            let output = match input {
                Dialed(dialed) => {
                    place.dialed(dialed.map_err(|at| self.at(at)));
                    Nothing
                }
                Ready(leg) => {
                    let renewal = Some((self.at(900), Renewal::Age));
                    place.ready(leg, renewal, self.at(112)).map_or(Nothing, HandOver)
                }
                Input::Renew(leg, is_ready) => {
                    place.renew(leg, Renewal::Asked, is_ready, now).map_or(Nothing, Output::Renew)
                }
                Over => {
                    place.overlap_over();
                    Nothing
                }
                Lost(leg, then) => place.lost(leg, now, |_| then).map_or(Nothing, Output::Then),
                Close => {
                    place.close();
                    Nothing
                }
            };
            (place.life, output)
        }

        /// One of each, with the legs 0 and 1.
        fn lives(&self) -> [Life; 7] {
            let renewal = Some((self.at(700), Renewal::Age));
            [
                Waiting(self.at(100)),
                Single { leg: 0, renewal: None },
                Single { leg: 0, renewal },
                Renewing { old: 0, at: self.at(103) },
                Joining { old: 0, new: 1 },
                Overlap { old: 0, new: 1, until: self.at(110), renewal },
                Stopped,
            ]
        }
    }

    const fn again(seconds: u64) -> Then {
        Then::Again(Duration::from_secs(seconds))
    }

    const HOLD: Then = Then::Hold(Duration::from_secs(60));

    const INPUTS: [Input; 18] = [
        Dialed(Ok(1)),
        Dialed(Err(160)),
        Ready(0),
        Ready(1),
        Input::Renew(0, false),
        Input::Renew(0, true),
        Input::Renew(1, false),
        Input::Renew(1, true),
        Over,
        Lost(0, again(2)),
        Lost(0, again(5)),
        Lost(0, HOLD),
        Lost(0, Then::Stop),
        Lost(1, again(5)),
        Lost(1, HOLD),
        Lost(1, Then::Stop),
        Lost(2, again(5)),
        Close,
    ];

    #[test]
    fn each_state_goes_on_as_the_table_says_and_stays_for_what_is_not_there() {
        let clock = Clock::new();
        let at = |seconds| clock.at(seconds);
        let [waiting, opening, single, renewing, joining, overlap, stopped] = clock.lives();
        let renewal = Some((at(700), Renewal::Age));
        let alone = |renewal| Single { leg: 1, renewal };
        let asked = |at| Renewing { old: 0, at };
        let ready = Some((at(900), Renewal::Age));
        let table = [
            (waiting, Dialed(Ok(1)), alone(None), Nothing),
            (waiting, Dialed(Err(160)), Waiting(at(160)), Nothing),
            (opening, Ready(0), Single { leg: 0, renewal: ready }, Nothing),
            (opening, Input::Renew(0, false), asked(at(100)), Output::Renew(Renew::Tell)),
            (opening, Input::Renew(0, true), asked(at(100)), Output::Renew(Renew::Tell)),
            (opening, Lost(0, again(2)), Waiting(at(102)), Output::Then(again(2))),
            (opening, Lost(0, again(5)), Waiting(at(105)), Output::Then(again(5))),
            (opening, Lost(0, HOLD), Waiting(at(160)), Output::Then(HOLD)),
            (opening, Lost(0, Then::Stop), Stopped, Output::Then(Then::Stop)),
            (single, Ready(0), Single { leg: 0, renewal: ready }, Nothing),
            (single, Input::Renew(0, false), asked(at(100)), Output::Renew(Renew::Tell)),
            (single, Input::Renew(0, true), asked(at(100)), Output::Renew(Renew::Tell)),
            (single, Lost(0, again(2)), Waiting(at(102)), Output::Then(again(2))),
            (single, Lost(0, again(5)), Waiting(at(105)), Output::Then(again(5))),
            (single, Lost(0, HOLD), Waiting(at(160)), Output::Then(HOLD)),
            (single, Lost(0, Then::Stop), Stopped, Output::Then(Then::Stop)),
            (renewing, Dialed(Ok(1)), joining, Nothing),
            (renewing, Dialed(Err(160)), asked(at(160)), Nothing),
            (renewing, Lost(0, again(2)), Waiting(at(102)), Output::Then(again(2))),
            (renewing, Lost(0, again(5)), Waiting(at(103)), Output::Then(again(3))),
            (renewing, Lost(0, HOLD), Waiting(at(160)), Output::Then(HOLD)),
            (renewing, Lost(0, Then::Stop), Stopped, Output::Then(Then::Stop)),
            (joining, Ready(1), Overlap { old: 0, new: 1, until: at(112), renewal: ready }, HandOver(0)),
            (joining, Input::Renew(1, false), joining, Output::Renew(Renew::GiveUp)),
            (joining, Lost(0, again(2)), alone(None), Nothing),
            (joining, Lost(0, again(5)), alone(None), Nothing),
            (joining, Lost(0, HOLD), alone(None), Nothing),
            (joining, Lost(0, Then::Stop), alone(None), Nothing),
            (joining, Lost(1, again(5)), asked(at(105)), Output::Then(again(5))),
            (joining, Lost(1, HOLD), asked(at(160)), Output::Then(HOLD)),
            (joining, Lost(1, Then::Stop), asked(at(700)), Output::Then(again(600))),
            (overlap, Input::Renew(1, false), overlap, Output::Renew(Renew::GiveUp)),
            (
                overlap,
                Input::Renew(1, true),
                Overlap { old: 0, new: 1, until: at(110), renewal: Some((at(100), Renewal::Asked)) },
                Nothing,
            ),
            (overlap, Over, alone(renewal), Nothing),
            (overlap, Lost(0, again(2)), alone(renewal), Nothing),
            (overlap, Lost(0, again(5)), alone(renewal), Nothing),
            (overlap, Lost(0, HOLD), alone(renewal), Nothing),
            (overlap, Lost(0, Then::Stop), alone(renewal), Nothing),
            (overlap, Lost(1, again(5)), asked(at(105)), Output::Then(again(5))),
            (overlap, Lost(1, HOLD), asked(at(160)), Output::Then(HOLD)),
            (overlap, Lost(1, Then::Stop), asked(at(700)), Output::Then(again(600))),
        ];
        for life in clock.lives() {
            for input in INPUTS {
                let row = table.iter().find(|row| (row.0, row.1) == (life, input));
                let stays = if input == Close { stopped } else { life };
                let expected = row.map_or((stays, Nothing), |row| (row.2, row.3));
                assert_eq!(clock.tell(life, input), expected, "{life:?}, {input:?}");
            }
        }
    }

    #[test]
    fn what_is_due_is_due_at_its_deadline_and_not_before() {
        let clock = Clock::new();
        let [waiting, opening, single, renewing, joining, overlap, stopped] = clock.lives();
        let due = [
            (waiting, Some((100, Due::Dial))),
            (opening, None),
            (single, Some((700, Due::Renew { leg: 0, why: Renewal::Age }))),
            (renewing, Some((103, Due::Dial))),
            (joining, None),
            (overlap, Some((110, Due::Retire { old: 0, new: 1, since: clock.at(110) }))),
            (stopped, None),
        ];
        for (life, expected) in due {
            let place = Place { life, ..Place::new(clock.at(0)) };
            assert_eq!(place.deadline(clock.at(0)), expected.map(|(at, _)| clock.at(at)), "{life:?}");
            let [before, after] = [1, 0].map(|early| expected.map_or(9_999, |(at, _)| at) - early);
            assert_eq!(place.due(clock.at(before)), None, "{life:?}");
            assert_eq!(place.due(clock.at(after)), expected.map(|(_, due)| due), "{life:?}");
        }
        let place = Place { life: overlap, ..Place::new(clock.at(0)) };
        assert_eq!(place.deadline(clock.at(111)), Some(clock.at(111)), "looked at again and again");
    }
}
