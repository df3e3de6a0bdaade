//! What names a connection.

/// Connections of one endpoint at a time, at most: [`Route::leg`] is below it.
pub const LEGS_MAX: usize = 8;

/// A connection of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Where it leads: an index into [`Session::endpoints`](crate::Session::endpoints).
    pub endpoint: usize,
    /// Which of the connections to there it is, below [`LEGS_MAX`]. The number of one that is gone is free for another.
    pub leg: usize,
}

impl Route {
    /// The first connection to an endpoint.
    pub const fn first(endpoint: usize) -> Self {
        Self { endpoint, leg: 0 }
    }
}
