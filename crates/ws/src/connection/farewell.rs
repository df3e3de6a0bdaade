//! How far our Close has come on its way out, and how long its answer is waited for.

/// How often the close timer may begin anew: a peer that reads a byte at a time must not hold the connection for ever.
const PERIODS_MAX: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Farewell {
    /// There is none that could still be written.
    #[default]
    None,
    /// It is the next to be written, and its answer is waited for already.
    Next,
    /// It waits behind other frames: in which period of the timer, and whether any of them was written in it.
    Behind { period: u32, moved: bool },
    /// It has just been written, and the timer begins with the next time that is told.
    Left,
    /// It is written.
    Written,
}

impl Farewell {
    pub(super) fn queued(behind: bool) -> Self {
        if behind { Self::Behind { period: 1, moved: false } } else { Self::Next }
    }

    /// Something was written; `last` if it was all there is. True when the timer is to begin.
    pub(super) fn moved(&mut self, last: bool) -> bool {
        match self {
            Self::Behind { .. } if last => *self = Self::Left,
            Self::Behind { moved, .. } => *moved = true,
            Self::Next if last => *self = Self::Written,
            _ => {}
        }
        *self == Self::Left
    }

    /// The timer is due; true if it begins anew.
    pub(super) fn goes_on(&mut self) -> bool {
        match self {
            Self::Behind { period, moved: true } if *period < PERIODS_MAX => {
                *self = Self::Behind { period: *period + 1, moved: false };
                true
            }
            Self::Left => {
                *self = Self::Written;
                true
            }
            _ => false,
        }
    }

    pub(super) fn is_written(self) -> bool {
        matches!(self, Self::Left | Self::Written)
    }
}
