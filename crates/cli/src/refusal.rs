//! What a venue refuses for good.

use tickwire::venue::{Event, Instrument, Outcome, Rejection};

/// What will not come because the venue refuses it, and of whom: a symbol or a stream that does not exist, mostly.
pub(crate) fn refusal(event: &Event<'_>) -> Option<(Option<Instrument>, String)> {
    match event {
        Event::Rejected(Rejection { instrument, code, message, outcome: Outcome::Final, .. }) => {
            Some((*instrument, format!("the venue refuses: {} (code {code})", message.escape_debug())))
        }
        Event::Missing { stream } => {
            Some((None, format!("the venue does not confirm {}", stream.escape_debug())))
        }
        _ => None,
    }
}
