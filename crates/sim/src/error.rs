//! What can go wrong while a server is started or a recording is read.

use std::io;
use std::path::PathBuf;

/// Why a server did not start, or why it ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The machine refused a socket, a thread or the poll behind them.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The port cannot be had, most likely because another program has it; choose another, or 0 for any.
    #[error("cannot listen on port {port}: {source}")]
    Port {
        /// The port as given.
        port: u16,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The throw-away certificate authority could not be made.
    #[error("cannot make the certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused the certificates or offers no usable protocol version.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The options contradict themselves; correct the named one.
    #[error("unusable option: {0}")]
    Options(&'static str),
    /// A recording's file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A recording's file holds something else than it should.
    #[error("{}, line {line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The server's thread panicked, which is a fault of this crate.
    #[error("the server's thread panicked")]
    Panicked,
}

impl Error {
    /// Names what was being done when the operating system refused.
    pub(crate) fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
