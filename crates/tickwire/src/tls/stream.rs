//! What a session reads and writes, and how it reports its end there.

use crate::error::Error;
use std::io::{self, ErrorKind, Read, Write};

/// A nonblocking stream.
pub(super) trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// The error of a session as a transport reports it; the client finds it inside again.
pub(super) fn report(error: &Error) -> io::Error {
    match error {
        Error::Tls(error) => io::Error::new(ErrorKind::InvalidData, error.clone()),
        error => io::Error::other(error.clone()),
    }
}
