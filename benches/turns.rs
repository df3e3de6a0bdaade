//! Arms that take turns, so that whatever else the machine does falls on all of them.

use std::time::Duration;

/// What the rounds of an arm took, the shortest first.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn best(&self) -> Duration {
        self.0[0]
    }

    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }
}

/// Has `rounds` rounds of each arm run by `round`, which is told the arm's number and tells how long the round took. Each
/// turn begins with another arm.
pub(crate) fn take(arms: usize, rounds: usize, mut round: impl FnMut(usize) -> Duration) -> Vec<Times> {
    let mut times: Vec<_> = (0..arms).map(|_| Times(Vec::new())).collect();
    for turn in 0..rounds {
        for step in 0..arms {
            let at = (turn + step) % arms;
            times[at].0.push(round(at));
        }
    }
    times.iter_mut().for_each(|times| times.0.sort_unstable());
    times
}
