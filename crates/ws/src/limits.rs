//! Every bound of a connection. "Equal" is allowed, one more is an error.

use crate::deflate::Deflate;
use std::time::Duration;

/// The bounds of a connection. What a peer announces is checked against them before a byte of it is stored.
///
/// ```
/// use tickwire_ws::Limits;
/// let limits = Limits { message_bytes_max: 1 << 20, ..Limits::default() };
/// # assert_eq!(limits.message_bytes_max, 1_048_576);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Payload of one frame, in bytes as it is sent; a larger one fails the connection with 1009. Default 16 MiB.
    pub frame_bytes_max: usize,
    /// Payload of one message, in bytes, over all its fragments and after inflating; more fails the connection with 1009. Default 16 MiB.
    pub message_bytes_max: usize,
    /// Fragments of one message; more fails the connection with 1009. Each costs 16 bytes while it is held. Default 131,072.
    pub fragments_max: usize,
    /// Control frames within one second; more fails the connection with 1008. Default 1,000.
    pub control_frames_per_second_max: u32,
    /// Head of the peer's handshake, in bytes; also what is kept of the body of a refusal. Default 16 KiB.
    pub handshake_bytes_max: usize,
    /// Header fields of the peer's handshake. Default 64.
    pub handshake_headers_max: usize,
    /// Bytes that may wait to be written, copied or not; a message that does not fit stays with the caller. Default 32 MiB.
    pub outbox_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 16 << 20,
            message_bytes_max: 16 << 20,
            fragments_max: 131_072,
            control_frames_per_second_max: 1_000,
            handshake_bytes_max: 16 << 10,
            handshake_headers_max: 64,
            outbox_bytes_max: 32 << 20,
        }
    }
}

/// How long a connection waits for its peer. A time too long for the clock to show never comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From the start of the connection, look-up, connecting and TLS included, to the end of the opening handshake.
    /// Default 20 s.
    pub handshake: Duration,
    /// From our Close frame, or the answer to the peer's, to the end of the byte stream. While the frame waits behind
    /// what was queued before it and some of that was written in time, the time begins anew, 20 times at most; and once
    /// more when the frame itself is written. Default 3 s.
    pub close: Duration,
    /// Silence after which a Ping asks whether the peer is alive; `None` never asks. Default 30 s.
    pub ping_after: Option<Duration>,
    /// From that Ping to the first byte of anything; then the connection fails. Begins anew with
    /// [`Connection::has_room_again`](crate::Connection::has_room_again). Default 30 s.
    pub pong: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(20),
            close: Duration::from_secs(3),
            ping_after: Some(Duration::from_secs(30)),
            pong: Duration::from_secs(30),
        }
    }
}

/// Limits and timeouts of a connection, and whether its messages may be compressed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Every bound.
    pub limits: Limits,
    /// Every wait.
    pub timeouts: Timeouts,
    /// Compression to offer or to take offers of; `None` for plain messages only, and the only value without the
    /// feature `deflate`. It is agreed on in the opening handshake, so it means nothing to a connection that somebody
    /// else has upgraded. Default `None`.
    pub deflate: Option<Deflate>,
}
