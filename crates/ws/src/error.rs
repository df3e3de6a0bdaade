//! What can go wrong on a connection, sorted by who is at fault.

use crate::code::CloseCode;
use crate::http::Response;
use thiserror::Error;

/// Why a connection has failed. It sticks: every later call reports the same error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule of RFC 6455, or of RFC 7692 where compression is agreed on.
    #[error("the peer broke the WebSocket protocol: {0}")]
    Protocol(#[from] Violation),
    /// The peer's input is larger than a limit of ours allows; raise it in [`Limits`](crate::Limits) if the input is wanted.
    #[error("over a configured limit: {0}")]
    Limit(#[from] Exceeded),
    /// The opening handshake did not lead to a WebSocket connection.
    #[error("the WebSocket handshake failed: {0}")]
    Handshake(#[from] HandshakeError),
    /// The byte stream ended before the closing handshake.
    #[error("the peer ended the byte stream {0}")]
    Disconnected(Disconnected),
    /// The peer did not answer in time.
    #[error("{0}")]
    Timeout(Timeout),
}

impl Error {
    /// The code of the Close frame that tells the peer about this error; `None` when no frame can be sent.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Protocol(violation) => Some(violation.close_code()),
            Self::Limit(exceeded) => exceeded.close_code(),
            Self::Handshake(_) | Self::Disconnected(_) | Self::Timeout(_) => None,
        }
    }
}

/// A rule of RFC 6455 or RFC 7692 that the peer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// RFC 6455 5.2: a reserved bit is set and no extension gives it a meaning.
    #[error("a reserved bit is set without an extension")]
    ReservedBit,
    /// RFC 6455 5.2: the opcode is reserved.
    #[error("reserved opcode {0:#x}")]
    ReservedOpcode(u8),
    /// RFC 6455 5.2: the length is not in its shortest form, or its top bit is set.
    #[error("payload length not in its shortest form")]
    Length,
    /// RFC 6455 5.1: a server must not mask.
    #[error("masked frame from a server")]
    MaskedServerFrame,
    /// RFC 6455 5.1: a client must mask.
    #[error("unmasked frame from a client")]
    UnmaskedClientFrame,
    /// RFC 6455 5.5: control frames must not be fragmented.
    #[error("fragmented control frame")]
    FragmentedControl,
    /// RFC 6455 5.5: control frames carry 125 bytes at most.
    #[error("control frame of more than 125 bytes")]
    ControlTooLong,
    /// RFC 6455 5.4: a continuation frame without a message to continue.
    #[error("continuation frame without a message to continue")]
    UnexpectedContinuation,
    /// RFC 6455 5.4: a new message began before the last one ended.
    #[error("new message before the last one ended")]
    ExpectedContinuation,
    /// RFC 6455 8.1: text that is not UTF-8.
    #[error("text is not valid UTF-8")]
    Utf8,
    /// RFC 7692 7.2.2: a compressed message that does not inflate.
    #[error("compressed message that does not inflate")]
    Deflate,
    /// RFC 6455 5.5.1: a Close frame with a body of one byte.
    #[error("close frame with half a code")]
    CloseLength,
    /// RFC 6455 7.4: a close code that must not be sent.
    #[error("close code {0} must not be sent")]
    CloseCode(u16),
    /// RFC 6455 5.5.1, 8.1: a close reason that is not UTF-8.
    #[error("close reason is not valid UTF-8")]
    CloseReason,
}

impl Violation {
    /// RFC 6455 7.4.1: 1007 for payloads that are not what they say, 1002 for everything else.
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::Utf8 | Self::Deflate | Self::CloseReason => CloseCode::INVALID_PAYLOAD,
            Self::ReservedBit
            | Self::ReservedOpcode(_)
            | Self::Length
            | Self::MaskedServerFrame
            | Self::UnmaskedClientFrame
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::CloseLength
            | Self::CloseCode(_) => CloseCode::PROTOCOL,
        }
    }
}

/// A bound of [`Limits`](crate::Limits) that the peer's input would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Exceeded {
    /// A frame announces more payload than `frame_bytes_max`.
    #[error("frame of {bytes} bytes, the limit is {max}")]
    Frame {
        /// Announced payload, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        max: usize,
    },
    /// The fragments of a message add up to more than `message_bytes_max`.
    #[error("message of at least {bytes} bytes, the limit is {max}")]
    Message {
        /// Payload so far and announced, in bytes; of a compressed message, one more than is allowed.
        bytes: u64,
        /// The limit, in bytes.
        max: usize,
    },
    /// A message has more fragments than `fragments_max`.
    #[error("message of more than {max} fragments")]
    Fragments {
        /// The limit.
        max: usize,
    },
    /// More control frames within a second than `control_frames_per_second_max`.
    #[error("more than {max} control frames within a second")]
    ControlFrames {
        /// The limit.
        max: u32,
    },
    /// The handshake's head is longer than `handshake_bytes_max`.
    #[error("handshake of more than {max} bytes")]
    HandshakeBytes {
        /// The limit, in bytes.
        max: usize,
    },
    /// The handshake has more header fields than `handshake_headers_max`.
    #[error("handshake of more than {max} header fields")]
    HandshakeHeaders {
        /// The limit.
        max: usize,
    },
    /// The peer asks for more answers than it reads: the outbox is full.
    #[error("the peer does not read its answers: {max} bytes are waiting")]
    Outbox {
        /// The limit, in bytes.
        max: usize,
    },
}

impl Exceeded {
    /// RFC 6455 7.4.1: 1009 for what is too big, 1008 for what is too much; none during the handshake.
    #[must_use]
    pub fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::Frame { .. } | Self::Message { .. } | Self::Fragments { .. } => Some(CloseCode::TOO_BIG),
            Self::ControlFrames { .. } | Self::Outbox { .. } => Some(CloseCode::POLICY),
            Self::HandshakeBytes { .. } | Self::HandshakeHeaders { .. } => None,
        }
    }
}

/// Why the opening handshake (RFC 6455 4) failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server answered with something else than 101; its status, headers and body are here.
    #[error("the server refused: {0}")]
    Refused(Box<Response>),
    /// What arrived is not an HTTP/1.1 head.
    #[error("the peer does not speak HTTP/1.1")]
    NotHttp,
    /// RFC 6455 4.2.1 / 4.2.2: a required header field is absent, repeated or of another value.
    #[error("header field {0} is missing or wrong")]
    Header(&'static str),
    /// RFC 6455 4.1: `Sec-WebSocket-Accept` does not answer our key; this is not the server's answer to our request.
    #[error("Sec-WebSocket-Accept does not answer our key")]
    WrongAccept,
    /// RFC 6455 4.1: the server chose a subprotocol that was not offered.
    #[error("the server chose a subprotocol that was not offered")]
    UnofferedSubprotocol,
    /// RFC 6455 4.1: the server chose an extension that was not offered.
    #[error("the server chose an extension that was not offered")]
    UnofferedExtension,
    /// RFC 7692 7.1.3: the server's answer to the offer of compression is malformed or not within the offer.
    #[error("the server's answer to the offered extension is malformed or not within the offer")]
    ExtensionAnswer,
    /// RFC 6455 4.2.1: the client's method is not GET.
    #[error("the client's method is not GET")]
    Method,
    /// RFC 6455 4.4: the client asks for another version than 13.
    #[error("the client asks for another WebSocket version than 13")]
    Version,
    /// We refused the client's request.
    #[error("the request was refused with status {0}")]
    Rejected(u16),
}

/// Where the byte stream ended without a closing handshake (RFC 6455 7.1.5: code 1006).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Disconnected {
    /// Before the opening handshake was complete.
    #[error("before the handshake was complete")]
    InHandshake,
    /// Between two messages.
    #[error("without a closing handshake")]
    BetweenMessages,
    /// In the middle of a frame or of a fragmented message: data is lost.
    #[error("in the middle of a message")]
    InMessage,
}

/// What the peer did not do in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Timeout {
    /// The opening handshake was not complete in time.
    #[error("the handshake was not answered in time")]
    Handshake,
    /// Nothing arrived after our Ping: the peer or the path is gone.
    #[error("nothing arrived after a ping: the connection is dead")]
    Pong,
}

/// Why something was not queued for sending. The payload is still the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The handshake is not complete yet: send after [`Event::Open`](crate::Event::Open).
    #[error("the connection is not open yet")]
    NotOpen,
    /// A Close frame has been sent or the connection has failed: nothing more may be sent (RFC 6455 5.5.1).
    #[error("the connection is closing")]
    Closing,
    /// The outbox is full for now: transmit, then try again.
    #[error("the outbox is full ({queued} of {max} bytes are waiting)")]
    Full {
        /// Bytes that wait to be written.
        queued: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// The frame alone is larger than the outbox may ever be: send it in fragments or raise `outbox_bytes_max`.
    #[error("a frame of {bytes} bytes can never fit an outbox of {max}")]
    TooBig {
        /// The frame, header included, in bytes; with compression, what it may become at worst: an eighth more.
        bytes: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// RFC 6455 5.5: a control frame carries 125 bytes at most (a close reason 123).
    #[error("a control frame carries at most 125 bytes")]
    ControlTooLong,
    /// RFC 6455 7.4: this close code must not be sent.
    #[error("close code {0} must not be sent")]
    CloseCode(u16),
    /// RFC 6455 5.4: a fragmented message is being sent; end it first, or the kind of a later fragment differs.
    #[error("a fragmented message is being sent")]
    InMessage,
    /// RFC 6455 8.1: a text is not UTF-8, or its fragments are not with this one.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// There is no request to answer (server role).
    #[error("there is no request to answer")]
    NoRequest,
}

const _: () = assert!(size_of::<Error>() <= 32);
