//! A session after its handshake: records opened and sealed with keys of its own, rustls asked for new ones.

use super::aead::Keys;
use super::buffer::Incoming;
use super::record::{self, Content, HEADER_BYTES, PLAINTEXT_BYTES_MAX, alert_for};
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::kernel::KernelConnection;
use rustls::{
    AlertDescription, ContentType, Error, HandshakeType, InvalidMessage, PeerMisbehaved, ProtocolVersion,
    SupportedCipherSuite,
};

/// RFC 8446 4 and RFC 5246 7.4: the messages that may follow the handshake.
const HELLO_REQUEST: u8 = 0;
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;
/// The longest of them; tickets are a few hundred bytes.
const MESSAGE_BYTES_MAX: usize = (64 << 10) - 1;
/// Empty records in a row, and key updates and tickets without content between them, each counted for itself, before the
/// peer is taken for an attacker. But for tickets, which it takes without end, the bound is that of rustls.
const IDLE_MAX: u32 = 32;
const TOO_MANY_TICKETS: &str = "more than 32 session tickets without content";
/// Warnings of a whole session, as in rustls.
const WARNINGS_MAX: u32 = 4;
/// RFC 8446 6: levels of alerts.
const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// Keys of both directions and the state they come from.
pub(super) struct Session {
    kernel: KernelConnection<ClientConnectionData>,
    rx: Keys,
    tx: Keys,
    /// How many records one key may seal (RFC 8446 5.5).
    tx_max: u64,
    /// The beginning of a handshake message.
    message: Vec<u8>,
    idle: Idle,
    warnings: u32,
    /// The peer has asked for other keys once and was told that there are none.
    renegotiation_refused: bool,
    /// The peer waits for a new key of ours.
    key_due: bool,
}

/// What came since the last content and brought none.
#[derive(Debug, Default)]
struct Idle {
    empty: u32,
    updates: u32,
    /// Each costs more than it took to send.
    tickets: u32,
}

impl Session {
    /// Takes the keys out of a finished handshake.
    pub(super) fn new(handshake: UnbufferedClientConnection) -> Result<Self, Error> {
        let (secrets, kernel) = handshake.dangerous_into_kernel_connection()?;
        let version = kernel.protocol_version();
        let suite = kernel.negotiated_cipher_suite();
        let tx_max = match suite {
            SupportedCipherSuite::Tls12(suite) => suite.common.confidentiality_limit,
            SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
        };
        Ok(Self {
            rx: Keys::new(secrets.rx, version)?,
            tx: Keys::new(secrets.tx, version)?,
            kernel,
            tx_max,
            message: Vec::new(),
            idle: Idle::default(),
            warnings: 0,
            renegotiation_refused: false,
            key_due: false,
        })
    }

    /// Opens records from the front of `incoming` into `out` behind `filled`, one behind another, while there is room
    /// for the next. Answers to what else they carry go to `outgoing`. True when the peer has said that nothing follows.
    pub(super) fn open(
        &mut self,
        incoming: &mut Incoming,
        out: &mut [u8],
        filled: &mut usize,
        outgoing: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        while let Some((header, payload)) = record::split(incoming.bytes())? {
            let room = out.get_mut(*filled..).unwrap_or_default();
            if payload.len() > room.len() {
                break;
            }
            let taken = HEADER_BYTES + payload.len();
            let (content, len) = self.rx.open(header, payload, room)?;
            incoming.consume(taken);
            if content == Content::Application && len > 0 && self.message.is_empty() {
                self.idle = Idle::default();
                *filled += len;
            } else if self.aside(content, room.get(..len).unwrap_or_default(), outgoing)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Appends records of `plaintext`, with a new key in time.
    pub(super) fn seal(&mut self, plaintext: &[u8], outgoing: &mut Vec<u8>) -> Result<(), Error> {
        for content in plaintext.chunks(PLAINTEXT_BYTES_MAX) {
            self.put(Content::Application, content, outgoing)?;
        }
        Ok(())
    }

    /// Appends a close_notify.
    pub(super) fn close(&mut self, outgoing: &mut Vec<u8>) -> Result<(), Error> {
        let alert = [WARNING, u8::from(AlertDescription::CloseNotify)];
        self.tx.seal(Content::Alert, &alert, outgoing)
    }

    /// Appends the alert that tells the peer about an error.
    pub(super) fn fail(&mut self, error: &Error, outgoing: &mut Vec<u8>) {
        if !matches!(error, Error::AlertReceived(_)) {
            let alert = [FATAL, u8::from(alert_for(error))];
            // A key that seals nothing more cannot tell anything either.
            let _ = self.tx.seal(Content::Alert, &alert, outgoing);
        }
    }

    /// Everything but content. True when the peer has said that nothing follows.
    #[cold]
    fn aside(&mut self, content: Content, bytes: &[u8], outgoing: &mut Vec<u8>) -> Result<bool, Error> {
        if !bytes.is_empty() {
            self.idle.empty = 0;
        }
        match content {
            // RFC 8446 5.1: no other record between the parts of a message, and no part without content.
            _ if !self.message.is_empty() && content != Content::Handshake => {
                Err(PeerMisbehaved::MessageInterleavedWithHandshakeMessage.into())
            }
            Content::Application => {
                one_more(&mut self.idle.empty, || PeerMisbehaved::TooManyEmptyFragments.into())
                    .map(|()| false)
            }
            _ if bytes.is_empty() => Err(InvalidMessage::InvalidEmptyPayload.into()),
            Content::Alert => self.alert(bytes),
            Content::Handshake => self.messages(bytes, outgoing).map(|()| false),
        }
    }

    fn alert(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        let [level @ (WARNING | FATAL), description] = *bytes else {
            return Err(InvalidMessage::MessageTooShort.into());
        };
        let description = AlertDescription::from(description);
        let tls12 = self.kernel.protocol_version() == ProtocolVersion::TLSv1_2;
        match description {
            AlertDescription::CloseNotify => Ok(true),
            // RFC 8446 6.1 and RFC 5246 7.2: these end nothing by themselves.
            AlertDescription::UserCanceled if level == WARNING => self.warned(),
            _ if tls12 && level == WARNING => self.warned(),
            description => Err(Error::AlertReceived(description)),
        }
    }

    fn warned(&mut self) -> Result<bool, Error> {
        self.warnings += 1;
        if self.warnings > WARNINGS_MAX {
            return Err(PeerMisbehaved::TooManyWarningAlertsReceived.into());
        }
        Ok(false)
    }

    /// Handshake messages: several in a record, or one in several.
    fn messages(&mut self, bytes: &[u8], outgoing: &mut Vec<u8>) -> Result<(), Error> {
        self.message.extend_from_slice(bytes);
        let mut message = std::mem::take(&mut self.message);
        let mut rest = message.as_slice();
        while let Some(([kind, high, middle, low], body)) =
            rest.split_first_chunk::<4>().map(|(h, b)| (*h, b))
        {
            let len = u32::from_be_bytes([0, high, middle, low]) as usize;
            if len > MESSAGE_BYTES_MAX {
                return Err(InvalidMessage::HandshakePayloadTooLarge.into());
            }
            let Some((body, after)) = body.split_at_checked(len) else { break };
            self.message(kind, body, after.is_empty(), outgoing)?;
            rest = after;
        }
        let done = message.len() - rest.len();
        message.drain(..done);
        self.message = message;
        Ok(())
    }

    fn message(&mut self, kind: u8, body: &[u8], last: bool, outgoing: &mut Vec<u8>) -> Result<(), Error> {
        let tls13 = self.kernel.protocol_version() == ProtocolVersion::TLSv1_3;
        match (kind, body) {
            (NEW_SESSION_TICKET, ticket) if tls13 => {
                one_more(&mut self.idle.tickets, || Error::General(TOO_MANY_TICKETS.into()))?;
                self.kernel.handle_new_session_ticket(ticket)
            }
            // RFC 8446 5.1: keys change at the end of a record.
            (KEY_UPDATE, [0 | 1]) if tls13 && !last => {
                Err(PeerMisbehaved::KeyEpochWithPendingFragment.into())
            }
            (KEY_UPDATE, [asked @ (0 | 1)]) if tls13 => {
                one_more(&mut self.idle.updates, || PeerMisbehaved::TooManyKeyUpdateRequests.into())?;
                self.rx = Keys::new(self.kernel.update_rx_secret()?, ProtocolVersion::TLSv1_3)?;
                // RFC 8446 4.6.3: answered before the next content, once for all that have asked: a peer that does not
                // read must not fill the memory with answers.
                self.key_due |= *asked == 1;
                Ok(())
            }
            (KEY_UPDATE, _) if tls13 => Err(InvalidMessage::InvalidKeyUpdate.into()),
            (HELLO_REQUEST, []) if !tls13 => self.refuse_renegotiation(outgoing),
            _ if tls13 => Err(Error::InappropriateHandshakeMessage {
                expect_types: vec![HandshakeType::NewSessionTicket, HandshakeType::KeyUpdate],
                got_type: HandshakeType::from(kind),
            }),
            _ => Err(Error::InappropriateMessage {
                expect_types: vec![ContentType::ApplicationData],
                got_type: ContentType::Handshake,
            }),
        }
    }

    /// RFC 5246 7.4.1.1 leaves it to the client; a peer that insists is not answered twice.
    fn refuse_renegotiation(&mut self, outgoing: &mut Vec<u8>) -> Result<(), Error> {
        if std::mem::replace(&mut self.renegotiation_refused, true) {
            return Err(PeerMisbehaved::TooManyRenegotiationRequests.into());
        }
        let alert = [WARNING, u8::from(AlertDescription::NoRenegotiation)];
        self.tx.seal(Content::Alert, &alert, outgoing)
    }

    /// RFC 8446 4.6.3: tells the peer under the old key that the next record has a new one.
    fn update_tx(&mut self, outgoing: &mut Vec<u8>) -> Result<(), Error> {
        self.tx.seal(Content::Handshake, &[KEY_UPDATE, 0, 0, 1, 0], outgoing)?;
        self.tx = Keys::new(self.kernel.update_tx_secret()?, ProtocolVersion::TLSv1_3)?;
        self.key_due = false;
        Ok(())
    }

    fn put(&mut self, content: Content, plaintext: &[u8], outgoing: &mut Vec<u8>) -> Result<(), Error> {
        // Two are left for the update itself and for an alert.
        if self.key_due || self.tx.number().saturating_add(2) >= self.tx_max {
            if self.kernel.protocol_version() != ProtocolVersion::TLSv1_3 {
                return Err(Error::EncryptError);
            }
            self.update_tx(outgoing)?;
        }
        self.tx.seal(content, plaintext, outgoing)
    }
}

/// Counts up to [`IDLE_MAX`].
fn one_more(count: &mut u32, misbehaved: impl FnOnce() -> Error) -> Result<(), Error> {
    *count += 1;
    if *count > IDLE_MAX { Err(misbehaved()) } else { Ok(()) }
}
