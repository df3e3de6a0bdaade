//! What to do about the venue's errors.

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The request is wrong, and stays so.
    Bug,
    /// Too many requests: the venue ends the session. Nothing leaves for a while.
    BackOff,
    /// The venue is busy with something that passes.
    RetryLater,
    /// Maintenance is on.
    Maintenance,
    /// The venue dropped the subscription.
    Resubscribe,
    /// The session is not signed in, or not any more.
    LogIn,
    /// A fault inside the venue.
    Retry,
    /// No other attempt can succeed: the credentials are wrong.
    Fatal,
    /// The instrument is gone or was never there.
    Drop,
    /// The credentials do not allow it.
    Scope,
}

/// The codes that the venue documents. One that is not here is a [`Reaction::Bug`].
const TABLE: &[(i64, Reaction)] = &[
    (-32_700, Reaction::Bug),
    (-32_600, Reaction::Bug),
    (-32_601, Reaction::Bug),
    (-32_602, Reaction::Bug),
    (10_028, Reaction::BackOff),
    (10_030, Reaction::Bug),
    (10_040, Reaction::RetryLater),
    (10_041, Reaction::RetryLater),
    (10_047, Reaction::RetryLater),
    (10_066, Reaction::RetryLater),
    (11_029, Reaction::Bug),
    (11_043, Reaction::Bug),
    (11_049, Reaction::Bug),
    (11_050, Reaction::Bug),
    (11_051, Reaction::Maintenance),
    (11_052, Reaction::Resubscribe),
    (11_056, Reaction::LogIn),
    (11_094, Reaction::Retry),
    (13_004, Reaction::Fatal),
    (13_009, Reaction::LogIn),
    (13_019, Reaction::Drop),
    (13_020, Reaction::Drop),
    (13_021, Reaction::Scope),
    (13_028, Reaction::Retry),
    (13_503, Reaction::Retry),
    (13_778, Reaction::LogIn),
];

impl Reaction {
    /// The reaction to an error code.
    pub fn to(code: i64) -> Self {
        TABLE.iter().find(|(known, _)| *known == code).map_or(Self::Bug, |(_, reaction)| *reaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_in_the_table_twice() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0 || pair[0].0 < 0));
        assert_eq!(Reaction::to(13_778), Reaction::LogIn);
        assert_eq!(Reaction::to(-32_602), Reaction::Bug);
        assert_eq!(Reaction::to(4711), Reaction::Bug);
    }
}
