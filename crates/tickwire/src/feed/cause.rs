//! What the end of a connection was caused by.

use crate::error::{DialError, Error};
use crate::proxy::ProxyError;
use tickwire_feed as feed;
use tickwire_venue::{Cause, Ending};

/// How a connection ended that reported this error; `is_clean` when both sides have said Close.
pub(super) fn cause_of(error: &Error, is_clean: bool) -> (Ending, Cause) {
    let cause = match error {
        Error::Closed(close) => return feed::ending_of(is_clean, close.as_ref()),
        Error::Dial(DialError::Resolve { .. } | DialError::ResolveTimeout { .. }) => Cause::Resolve,
        // As a venue that does not take the credentials: trying again cannot help.
        Error::Dial(DialError::Proxy { problem: ProxyError::Credentials, .. }) => {
            Cause::Refused { status: 407, retry_after_s: None }
        }
        Error::Dial(DialError::Connect { .. } | DialError::Proxy { .. }) => Cause::Connect,
        Error::Tls(_) => Cause::Tls,
        Error::WebSocket(error) => feed::cause_of(error),
        Error::Send(_) => Cause::Limit,
        _ => Cause::Lost,
    };
    (Ending::Lost, cause)
}
