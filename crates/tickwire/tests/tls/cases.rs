//! What a server may send and rarely does, and what none may send.

use crate::forge::{ALERT, CONTENT, Forge, HANDSHAKE};
use crate::pair::{End, text};
use rustls::AlertDescription::{self, DecodeError, IllegalParameter, RecordOverflow, UnexpectedMessage};
use rustls::{ContentType, Error, HandshakeType, InvalidMessage, PeerMisbehaved};

/// RFC 8446 4.6.1: life, age, nonce, ticket, no extensions.
const TICKET: [u8; 21] = [4, 0, 0, 17, 0, 0, 0, 100, 0, 0, 0, 0, 1, 7, 0, 3, 1, 2, 3, 0, 0];
/// RFC 8446 4.6.3, with and without asking for one in return.
pub(crate) const UPDATE: [u8; 5] = [24, 0, 0, 1, 0];
const UPDATE_ASKED: [u8; 5] = [24, 0, 0, 1, 1];
/// RFC 5246 7.4.1.1.
pub(crate) const HELLO_REQUEST: [u8; 4] = [0, 0, 0, 0];
const CLOSE_NOTIFY: [u8; 2] = [1, 0];
const USER_CANCELED: [u8; 2] = [1, 90];
pub(crate) const NO_RENEGOTIATION: [u8; 2] = [1, 100];
const LONGEST: usize = 1 << 14;
const LONG: &[u8] = b"content that is longer than a ticket, so that it has no room where the ticket had";

pub(crate) type Make = fn(&mut Forge) -> Vec<u8>;

/// What both layers must make of it: the content, and how it ends.
pub(crate) struct Allowed(pub(crate) &'static str, pub(crate) Make, pub(crate) &'static [u8], pub(crate) End);

/// What the own layer must say of it, the alert that the RFC wants, and whether rustls is as strict.
pub(crate) struct Refused(
    pub(crate) &'static str,
    pub(crate) Make,
    pub(crate) Error,
    pub(crate) Option<AlertDescription>,
    pub(crate) Rustls,
);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rustls {
    Same,
    OtherError,
    Accepts,
}

pub(crate) fn content(forge: &mut Forge) -> Vec<u8> {
    forge.record(CONTENT, b"content")
}

fn many(forge: &mut Forge, count: usize, kind: u8, bytes: &[u8]) -> Vec<u8> {
    let records: Vec<Vec<u8>> = (0..count).map(|_| forge.record(kind, bytes)).collect();
    [records.concat(), content(forge)].concat()
}

/// `count` changes of key, and content under the last.
pub(crate) fn updates(forge: &mut Forge, count: usize) -> Vec<u8> {
    [many_updates(forge, count), content(forge)].concat()
}

fn many_updates(forge: &mut Forge, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..count {
        bytes.extend(forge.record(HANDSHAKE, &UPDATE_ASKED));
        forge.update();
    }
    bytes
}

/// A handshake message in pieces, content behind it.
fn pieces(forge: &mut Forge, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(forge.record(HANDSHAKE, part));
    }
    bytes.extend(content(forge));
    bytes
}

pub(crate) fn allowed13() -> Vec<Allowed> {
    [rare13(), idle13()].into_iter().flatten().collect()
}

/// As much that brings nothing as may come in a row.
fn idle13() -> Vec<Allowed> {
    use End::Open;
    vec![
        Allowed("16 tickets in a row", |f| many(f, 16, HANDSHAKE, &TICKET), b"content", Open),
        Allowed("32 changes of key in a row", |f| updates(f, 32), b"content", Open),
        Allowed("32 empty records in a row", |f| many(f, 32, CONTENT, b""), b"content", Open),
        Allowed(
            "32 empty records, 32 changes of key and 32 empty records",
            |f| {
                let empty = |f: &mut Forge| (0..32).flat_map(|_| f.record(CONTENT, b"")).collect::<Vec<u8>>();
                [empty(f), many_updates(f, 32), empty(f), content(f)].concat()
            },
            b"content",
            Open,
        ),
        Allowed("four cancellations", |f| many(f, 4, ALERT, &USER_CANCELED), b"content", Open),
    ]
}

fn rare13() -> Vec<Allowed> {
    use End::{Closed, Open};
    vec![
        Allowed("two tickets in one record", |f| pieces(f, &[&[TICKET, TICKET].concat()]), b"content", Open),
        Allowed(
            "two tickets in five",
            |f| {
                pieces(
                    f,
                    &[
                        &TICKET[..1],
                        &TICKET[1..4],
                        &TICKET[4..9],
                        &[&TICKET[9..], &TICKET[..2]].concat(),
                        &TICKET[2..],
                    ],
                )
            },
            b"content",
            Open,
        ),
        Allowed(
            "a change of key in two records",
            |f| {
                let update = [f.record(HANDSHAKE, &UPDATE[..2]), f.record(HANDSHAKE, &UPDATE[2..])].concat();
                f.update();
                [update, content(f)].concat()
            },
            b"content",
            Open,
        ),
        Allowed(
            "a change of key behind a ticket",
            |f| {
                let update = f.record(HANDSHAKE, &[&TICKET[..], &UPDATE].concat());
                f.update();
                [update, content(f)].concat()
            },
            b"content",
            Open,
        ),
        Allowed(
            "a ticket before a longer record",
            |f| [f.record(HANDSHAKE, &TICKET), f.record(CONTENT, LONG)].concat(),
            LONG,
            Open,
        ),
        Allowed(
            "padding up to the longest record",
            |f| {
                let mut inner = b"content".to_vec();
                inner.push(CONTENT);
                inner.resize(LONGEST + 1, 0);
                f.sealed(CONTENT, &inner)
            },
            b"content",
            Open,
        ),
        Allowed(
            "content behind the goodbye",
            |f| [content(f), f.record(ALERT, &CLOSE_NOTIFY), content(f)].concat(),
            b"content",
            Closed,
        ),
    ]
}

pub(crate) fn allowed12() -> Vec<Allowed> {
    use End::{Closed, Open};
    vec![
        Allowed("one request to renegotiate", |f| pieces(f, &[&HELLO_REQUEST]), b"content", Open),
        Allowed("four warnings", |f| many(f, 4, ALERT, &NO_RENEGOTIATION), b"content", Open),
        Allowed("32 empty records in a row", |f| many(f, 32, CONTENT, b""), b"content", Open),
        Allowed(
            "content behind the goodbye",
            |f| [content(f), f.record(ALERT, &CLOSE_NOTIFY), content(f)].concat(),
            b"content",
            Closed,
        ),
        Allowed(
            "a goodbye that calls itself fatal",
            |f| [content(f), f.record(ALERT, &[2, 0])].concat(),
            b"content",
            Closed,
        ),
    ]
}

/// RFC 8446 5.1: other records between the parts of a message.
fn interleaved13() -> Vec<Refused> {
    use Rustls::Same;
    let interleaved = || Error::from(PeerMisbehaved::MessageInterleavedWithHandshakeMessage);
    let told = Some(UnexpectedMessage);
    vec![
        Refused("content inside a ticket", |f| pieces(f, &[&TICKET[..9]]), interleaved(), told, Same),
        Refused(
            "an empty record inside a ticket",
            |f| [f.record(HANDSHAKE, &TICKET[..9]), f.record(CONTENT, b"")].concat(),
            interleaved(),
            told,
            Same,
        ),
        Refused(
            "a goodbye inside a ticket",
            |f| [f.record(HANDSHAKE, &TICKET[..9]), f.record(ALERT, &CLOSE_NOTIFY)].concat(),
            interleaved(),
            told,
            Same,
        ),
    ]
}

/// RFC 8446 4: messages where none belongs, or not in this shape.
fn messages13() -> Vec<Refused> {
    use Rustls::{Accepts, Same};
    let told = Some(UnexpectedMessage);
    vec![
        Refused(
            "a part of a ticket behind a change of key",
            |f| f.record(HANDSHAKE, &[&UPDATE[..], &TICKET[..9]].concat()),
            PeerMisbehaved::KeyEpochWithPendingFragment.into(),
            told,
            Same,
        ),
        Refused(
            "a ticket behind a change of key",
            |f| f.record(HANDSHAKE, &[&UPDATE[..], &TICKET].concat()),
            PeerMisbehaved::KeyEpochWithPendingFragment.into(),
            told,
            Same,
        ),
        Refused(
            "no part of a message",
            |f| pieces(f, &[b""]),
            InvalidMessage::InvalidEmptyPayload.into(),
            told,
            Accepts,
        ),
        Refused(
            "33 tickets",
            |f| many(f, 33, HANDSHAKE, &TICKET),
            Error::General("more than 32 session tickets without content".into()),
            told,
            Accepts,
        ),
        Refused(
            "33 changes of key",
            |f| updates(f, 33),
            PeerMisbehaved::TooManyKeyUpdateRequests.into(),
            told,
            Same,
        ),
        Refused(
            "a key that is updated otherwise",
            |f| f.record(HANDSHAKE, &[24, 0, 0, 1, 2]),
            InvalidMessage::InvalidKeyUpdate.into(),
            Some(IllegalParameter),
            Same,
        ),
        Refused(
            "a message of 2^16 bytes",
            |f| f.record(HANDSHAKE, &[4, 1, 0, 0]),
            InvalidMessage::HandshakePayloadTooLarge.into(),
            Some(DecodeError),
            Same,
        ),
        Refused(
            "another Finished",
            |f| f.record(HANDSHAKE, &[&[20, 0, 0, 32][..], &[0; 32]].concat()),
            Error::InappropriateHandshakeMessage {
                expect_types: vec![HandshakeType::NewSessionTicket, HandshakeType::KeyUpdate],
                got_type: HandshakeType::Finished,
            },
            told,
            Same,
        ),
    ]
}

/// RFC 8446 6.
fn alerts13() -> Vec<Refused> {
    use Rustls::{OtherError, Same};
    let told = Some(UnexpectedMessage);
    vec![
        Refused(
            "no alert",
            |f| f.record(ALERT, b""),
            InvalidMessage::InvalidEmptyPayload.into(),
            told,
            OtherError,
        ),
        Refused(
            "five cancellations",
            |f| many(f, 5, ALERT, &USER_CANCELED),
            PeerMisbehaved::TooManyWarningAlertsReceived.into(),
            told,
            Same,
        ),
        Refused(
            "an alert",
            |f| f.record(ALERT, &[2, 40]),
            Error::AlertReceived(AlertDescription::HandshakeFailure),
            None,
            Same,
        ),
        Refused(
            "an alert that calls itself a warning",
            |f| f.record(ALERT, &[1, 40]),
            Error::AlertReceived(AlertDescription::HandshakeFailure),
            None,
            Same,
        ),
        Refused(
            "an alert of no level",
            |f| f.record(ALERT, &[3, 40]),
            InvalidMessage::MessageTooShort.into(),
            Some(DecodeError),
            OtherError,
        ),
        Refused(
            "a goodbye of no level",
            |f| f.record(ALERT, &[3, 0]),
            InvalidMessage::MessageTooShort.into(),
            Some(DecodeError),
            OtherError,
        ),
        Refused(
            "two alerts in a record",
            |f| f.record(ALERT, &[1, 90, 1, 90]),
            InvalidMessage::MessageTooShort.into(),
            Some(DecodeError),
            OtherError,
        ),
    ]
}

/// RFC 8446 5.2 and 5.4: records that carry nothing, or what they must not.
fn contents13() -> Vec<Refused> {
    use Rustls::{OtherError, Same};
    let inappropriate = |got_type| Error::InappropriateMessage {
        expect_types: vec![ContentType::ApplicationData, ContentType::Handshake],
        got_type,
    };
    let told = Some(UnexpectedMessage);
    vec![
        Refused(
            "33 empty records",
            |f| many(f, 33, CONTENT, b""),
            PeerMisbehaved::TooManyEmptyFragments.into(),
            told,
            Same,
        ),
        Refused(
            "a ChangeCipherSpec",
            |_| vec![20, 3, 3, 0, 1, 1],
            inappropriate(ContentType::ChangeCipherSpec),
            told,
            Same,
        ),
        Refused(
            "a sealed ChangeCipherSpec",
            |f| f.record(20, &[1]),
            InvalidMessage::InvalidContentType.into(),
            told,
            OtherError,
        ),
        Refused(
            "a record that says that it is a handshake",
            |f| f.sealed(HANDSHAKE, b"content\x17"),
            inappropriate(ContentType::Handshake),
            told,
            OtherError,
        ),
        Refused(
            "zeros and nothing else",
            |f| f.sealed(CONTENT, &[0; 20]),
            PeerMisbehaved::IllegalTlsInnerPlaintext.into(),
            told,
            Same,
        ),
        Refused(
            "nothing at all",
            |f| f.sealed(CONTENT, b""),
            PeerMisbehaved::IllegalTlsInnerPlaintext.into(),
            told,
            Same,
        ),
        Refused(
            "content of no type",
            |f| f.record(99, b"content"),
            InvalidMessage::InvalidContentType.into(),
            told,
            Same,
        ),
        Refused(
            "a record of no type",
            |f| f.sealed(99, b"content\x17"),
            InvalidMessage::InvalidContentType.into(),
            told,
            Same,
        ),
    ]
}

/// RFC 8446 5.1 and 5.2: records of another length or protocol.
fn lengths13() -> Vec<Refused> {
    use Rustls::Same;
    vec![
        Refused(
            "more content than a record may have",
            |f| f.record(CONTENT, &text(LONGEST + 1)),
            Error::PeerSentOversizedRecord,
            Some(RecordOverflow),
            Same,
        ),
        Refused(
            "more padding than a record may have",
            |f| {
                let mut inner = b"content\x17".to_vec();
                inner.resize(LONGEST + 2, 0);
                f.sealed(CONTENT, &inner)
            },
            Error::PeerSentOversizedRecord,
            Some(RecordOverflow),
            Same,
        ),
        Refused(
            "a record without a tag",
            |_| vec![23, 3, 3, 0, 2, 1, 2],
            Error::DecryptError,
            Some(AlertDescription::BadRecordMac),
            Same,
        ),
        Refused(
            "a record of another protocol",
            |_| vec![23, 2, 3, 0, 2, 1, 2],
            InvalidMessage::UnknownProtocolVersion.into(),
            Some(DecodeError),
            Same,
        ),
    ]
}

pub(crate) fn refused13() -> Vec<Refused> {
    [interleaved13(), messages13(), alerts13(), contents13(), lengths13()].into_iter().flatten().collect()
}

/// RFC 5246 7.4.
fn messages12() -> Vec<Refused> {
    use Rustls::{Accepts, Same};
    let inappropriate =
        |got_type| Error::InappropriateMessage { expect_types: vec![ContentType::ApplicationData], got_type };
    let told = Some(UnexpectedMessage);
    vec![
        Refused(
            "two requests to renegotiate",
            |f| pieces(f, &[&HELLO_REQUEST, &HELLO_REQUEST]),
            PeerMisbehaved::TooManyRenegotiationRequests.into(),
            told,
            Same,
        ),
        Refused(
            "another Finished",
            |f| f.record(HANDSHAKE, &[&[20, 0, 0, 12][..], &[0; 12]].concat()),
            inappropriate(ContentType::Handshake),
            told,
            Same,
        ),
        Refused(
            "a change of key of TLS 1.3",
            |f| f.record(HANDSHAKE, &UPDATE),
            inappropriate(ContentType::Handshake),
            told,
            Same,
        ),
        Refused(
            "no part of a message",
            |f| f.record(HANDSHAKE, b""),
            InvalidMessage::InvalidEmptyPayload.into(),
            told,
            Accepts,
        ),
        Refused(
            "content inside a message",
            |f| pieces(f, &[&HELLO_REQUEST[..2]]),
            PeerMisbehaved::MessageInterleavedWithHandshakeMessage.into(),
            told,
            Same,
        ),
    ]
}

/// RFC 5246 6.2 and 7.2.
fn records12() -> Vec<Refused> {
    use Rustls::{OtherError, Same};
    let inappropriate =
        |got_type| Error::InappropriateMessage { expect_types: vec![ContentType::ApplicationData], got_type };
    let told = Some(UnexpectedMessage);
    vec![
        Refused(
            "a ChangeCipherSpec",
            |_| vec![20, 3, 3, 0, 1, 1],
            inappropriate(ContentType::ChangeCipherSpec),
            told,
            Same,
        ),
        Refused(
            "five warnings",
            |f| many(f, 5, ALERT, &NO_RENEGOTIATION),
            PeerMisbehaved::TooManyWarningAlertsReceived.into(),
            told,
            Same,
        ),
        Refused(
            "33 empty records",
            |f| many(f, 33, CONTENT, b""),
            PeerMisbehaved::TooManyEmptyFragments.into(),
            told,
            Same,
        ),
        Refused(
            "an alert",
            |f| f.record(ALERT, &[2, 40]),
            Error::AlertReceived(AlertDescription::HandshakeFailure),
            None,
            Same,
        ),
        Refused(
            "an alert of no level",
            |f| f.record(ALERT, &[3, 40]),
            InvalidMessage::MessageTooShort.into(),
            Some(DecodeError),
            OtherError,
        ),
        Refused(
            "more content than a record may have",
            |f| f.record(CONTENT, &text(LONGEST + 1)),
            Error::PeerSentOversizedRecord,
            Some(RecordOverflow),
            Same,
        ),
        Refused(
            "a record of no type",
            |f| f.sealed(99, b"content"),
            InvalidMessage::InvalidContentType.into(),
            told,
            Same,
        ),
        Refused(
            "a record without a tag",
            |_| vec![23, 3, 3, 0, 2, 1, 2],
            Error::DecryptError,
            Some(AlertDescription::BadRecordMac),
            Same,
        ),
    ]
}

pub(crate) fn refused12() -> Vec<Refused> {
    [messages12(), records12()].into_iter().flatten().collect()
}
