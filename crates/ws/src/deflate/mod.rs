//! permessage-deflate, RFC 7692: compressed messages.

mod codec;
mod negotiation;

pub(crate) use codec::{Deflater, Flaw};
pub(crate) use negotiation::{Agreement, NAME, accept, choose, extensions, offer};

use codec::Inflater;
use std::fmt;

/// How messages may be compressed (RFC 7692). A client offers it, a server takes offers within it.
///
/// Compression saves bandwidth and costs time, on both ends.
///
/// ```
/// use tickwire_ws::{Config, Deflate};
/// let config = Config { deflate: Some(Deflate::default()), ..Config::default() };
/// # assert!(config.deflate.is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflate {
    /// Effort of the compressor, 0 (none) to 9 (most); more is taken as 9. Default 6.
    pub level: u8,
    /// The server forgets its window after each message. Costs compression, saves the client's memory. Default off.
    pub server_no_context_takeover: bool,
    /// The client forgets its window after each message. Default off.
    pub client_no_context_takeover: bool,
    /// The largest window of the server's compressor. Default 15 bits (32 KiB).
    pub server_max_window_bits: WindowBits,
    /// The largest window of the client's compressor. Default 15 bits (32 KiB).
    pub client_max_window_bits: WindowBits,
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            level: 6,
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: WindowBits::MAX,
            client_max_window_bits: WindowBits::MAX,
        }
    }
}

/// The size of a compressor's window as a power of two, 8 to 15 (RFC 7692 7.1.2). With 8, which no common compressor
/// can do, messages are sent as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 32 KiB.
    pub const MAX: Self = Self(15);

    /// `None` unless `bits` is 8 to 15.
    #[must_use]
    pub fn new(bits: u8) -> Option<Self> {
        (8..=15).contains(&bits).then_some(Self(bits))
    }

    /// RFC 7692 7.1.2.1: a decimal integer without leading zeros.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        if plain { Self::new(text.parse().ok()?) } else { None }
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<WindowBits> for u8 {
    fn from(bits: WindowBits) -> Self {
        bits.0
    }
}

/// Both directions of one connection, as agreed.
pub(crate) struct Codec {
    inflater: Inflater,
    /// `None` where the agreed window cannot be done: messages go as they are.
    deflater: Option<Deflater>,
}

impl Codec {
    /// `client` tells which end of the agreement this is.
    pub(crate) fn new(wanted: &Deflate, agreement: Agreement, client: bool) -> Self {
        let Agreement { server_forgets, client_forgets, server_bits, client_bits } = agreement;
        let (peer_forgets, bits, forgets) = if client {
            (server_forgets, client_bits, client_forgets)
        } else {
            (client_forgets, server_bits, server_forgets)
        };
        Self { inflater: Inflater::new(peer_forgets), deflater: Deflater::new(wanted.level, bits, forgets) }
    }

    /// Inflates the next piece of a message, at most `max` bytes of it in all, into
    /// [`inflated`](Self::inflated).
    pub(crate) fn inflate(&mut self, piece: &[u8], max: usize) -> Result<(), Flaw> {
        self.inflater.push(piece, max)
    }

    /// Ends the message.
    pub(crate) fn finish(&mut self, max: usize) -> Result<(), Flaw> {
        self.inflater.finish(max)
    }

    /// The message so far.
    pub(crate) fn inflated(&self) -> &[u8] {
        self.inflater.bytes()
    }

    /// Lets the message go.
    pub(crate) fn release(&mut self) {
        self.inflater.release();
    }

    /// What compresses messages on sending; `None` where they go as they are.
    pub(crate) fn deflater(&mut self) -> Option<&mut Deflater> {
        self.deflater.as_mut()
    }
}
