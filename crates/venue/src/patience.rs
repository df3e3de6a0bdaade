//! Connections that are heard and do not answer.

/// Requests in a row that a connection may leave unanswered in their time.
const UNANSWERED_MAX: u32 = 3;

/// How often one connection did not answer.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Patience {
    unanswered: u32,
}

impl Patience {
    /// A request was not answered in time. Whether it is the one too many, which is said once until something is answered.
    pub(crate) fn on_unanswered(&mut self) -> bool {
        self.unanswered = self.unanswered.saturating_add(1);
        self.unanswered == UNANSWERED_MAX
    }

    /// Something was answered.
    pub(crate) fn on_answer(&mut self) {
        self.unanswered = 0;
    }
}
