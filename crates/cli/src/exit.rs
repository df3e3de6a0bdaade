//! How the program ends: an exit code and one line.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tickwire::ws::{Error as WsError, Violation};
use tickwire::{Error, rustls};

/// A book was wrong or never complete.
pub(crate) const BOOK: u8 = 1;
/// The peer's fault: handshake, protocol, limit, text, refusal.
pub(crate) const PEER: u8 = 2;
/// No connection, TLS or time.
pub(crate) const CONNECTION: u8 = 3;
/// The command line cannot be served.
pub(crate) const USAGE: u8 = 64;
/// A recording is damaged, or holds what the venue does not document.
pub(crate) const DATA: u8 = 65;
/// Standard output, or the file of a recording, cannot be written.
pub(crate) const OUTPUT: u8 = 74;

/// The codes, for the help.
pub(crate) const CODES: &str = "\
Exit codes:
  0  done, or interrupted
  1  watch: a book was wrong or never complete
  2  the peer's fault: handshake, protocol, limit, text, refusal
  3  no connection, TLS or time
  64 usage
  65 a recording is damaged, or holds messages that the venue does not document
  74 standard output, or the file of a recording, cannot be written";

/// A flag that Ctrl-C and a request to terminate raise, so that a run can end in good order.
pub(crate) fn interrupted() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        // A second time is meant: the run may be stuck in writing to somebody who does not read.
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .map_err(|error| Failure::new(CONNECTION, error))?;
    Ok(flag)
}

/// A line on standard error; when that is gone there is nobody to tell.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "tickwire: {line}");
}

/// Why the program did not end well.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// What to tell on standard error; `None` if it has been told.
    pub(crate) line: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, line: impl ToString) -> Self {
        Self { code, line: Some(line.to_string()) }
    }

    pub(crate) fn told(code: u8) -> Self {
        Self { code, line: None }
    }
}

/// Standard output fails. When it is gone (`| head`), nothing more can be told, and that is no failure of ours.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::told(0),
            _ => Self::new(OUTPUT, format!("standard output: {error}")),
        }
    }
}

impl From<tickwire_sim::Error> for Failure {
    fn from(error: tickwire_sim::Error) -> Self {
        Self::new(USAGE, error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(Kind::of(&error).code(), words(&error))
    }
}

/// What can be done about a certificate of an authority that is not known.
pub(crate) const UNKNOWN_ISSUER_HINT: &str = " (--ca FILE.pem trusts a further authority)";

/// What can be done about a certificate of another authority of the same name.
pub(crate) const BAD_SIGNATURE_HINT: &str = " (--ca FILE.pem has another authority: a local venue makes a new one at every \
    start; begin again with its new file, or run it with --plain)";

/// An error in words, with what the program's user can do about it.
pub(crate) fn words(error: &Error) -> String {
    let cause = if let Error::Link { source, .. } = error { source } else { error };
    let hint = match cause {
        Error::Tls(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            UNKNOWN_ISSUER_HINT
        }
        Error::Tls(rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature)) => {
            BAD_SIGNATURE_HINT
        }
        _ => "",
    };
    format!("{error}{hint}")
}

/// What an error is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Handshake,
    Protocol,
    Limit,
    Utf8,
    Io,
    Tls,
    Timeout,
    Venue,
    Usage,
}

impl Kind {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::WebSocket(error) => match error {
                WsError::Protocol(Violation::Utf8 | Violation::CloseReason) => Self::Utf8,
                WsError::Limit(_) => Self::Limit,
                WsError::Handshake(_) => Self::Handshake,
                WsError::Disconnected(_) => Self::Io,
                WsError::Timeout(_) => Self::Timeout,
                _ => Self::Protocol,
            },
            Error::Tls(_) => Self::Tls,
            Error::Dial(tickwire::DialError::ResolveTimeout { .. }) => Self::Timeout,
            Error::Venue(tickwire::venue::Error::Config(_))
            | Error::Url(_)
            | Error::Request(_)
            | Error::TlsSettings(_)
            | Error::Misuse(_) => Self::Usage,
            Error::Venue(_) => Self::Venue,
            Error::Link { source, .. } => Self::of(source),
            // In good order, and too early all the same.
            Error::Closed(_) => Self::Io,
            _ => Self::Io,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Protocol => "protocol",
            Self::Limit => "limit",
            Self::Utf8 => "utf8",
            Self::Io => "io",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Venue => "venue",
            Self::Usage => "usage",
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Handshake | Self::Protocol | Self::Limit | Self::Utf8 | Self::Venue => PEER,
            Self::Io | Self::Tls | Self::Timeout => CONNECTION,
            Self::Usage => USAGE,
        }
    }
}
