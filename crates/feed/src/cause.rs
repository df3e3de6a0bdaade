//! What the end of a WebSocket connection was caused by.

use tickwire_venue::{Cause, Ending};
use tickwire_ws::{Close, Error, HandshakeError, Response, Timeout};

/// The cause of an error of the protocol.
pub fn cause_of(error: &Error) -> Cause {
    match error {
        Error::Limit(_) => Cause::Limit,
        Error::Handshake(HandshakeError::Refused(response)) => refused(response),
        Error::Protocol(_) | Error::Handshake(_) => Cause::Protocol,
        Error::Disconnected(_) => Cause::Lost,
        Error::Timeout(Timeout::Handshake) => Cause::Connect,
        Error::Timeout(Timeout::Pong) => Cause::Silent,
        _ => Cause::Lost,
    }
}

fn refused(response: &Response) -> Cause {
    let after = response.headers.first("retry-after").and_then(|value| value.trim().parse().ok());
    Cause::Refused { status: response.status, retry_after_s: after }
}

/// How a connection ended that was closed in good order or not, by the peer's Close frame if there was one.
pub fn ending_of(is_clean: bool, close: Option<&Close>) -> (Ending, Cause) {
    let code = close.and_then(|close| close.code).map(u16::from);
    let ending = if is_clean { Ending::InOrder } else { Ending::Lost };
    (ending, Cause::Closed { code })
}
