//! One thing that a session was told, and its bytes within a block.

use super::varint;
use tickwire::venue::{Ending, Route};

/// When it happened, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    /// By the clock that never jumps, since the recording began; negative for what was read just before.
    pub(crate) elapsed_ns: i64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) unix_ns: u64,
}

/// One call on a session, or what was told beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// A connection opened.
    Open { route: Route },
    /// A connection is gone.
    Closed { route: Route, ending: Ending },
    /// A text message arrived.
    Text { route: Route, payload: &'a [u8] },
    /// A binary message arrived.
    Binary { route: Route, payload: &'a [u8] },
    /// A document arrived.
    Document { id: u64, status: u64, retry_after_s: Option<u64>, used_weight: Option<u64>, body: &'a [u8] },
    /// A document did not arrive.
    NoDocument { id: u64 },
    /// Time had passed.
    Deadline,
    /// The recording is complete.
    End,
    /// More streams were to be followed, a JSON array of their names.
    Subscribe { streams: &'a [u8] },
    /// Streams were to be followed no more, a JSON array of their names.
    Unsubscribe { streams: &'a [u8] },
    /// Something about a connection was told, which no session tells: the line of it, a JSON object.
    Link { line: &'a [u8] },
    /// What is behind this came before the events of what is in front of it were taken.
    Undrained,
    /// A connection was handed over to its successor. Nobody says when, so the moment is that of the record before.
    HandOver { route: Route },
    /// It was asked whether that is complete; the same.
    IsHandedOver { route: Route },
}

impl<'a> Record<'a> {
    /// Appends the record; moments are written as the difference to the one `before`, 0 at a block's beginning.
    pub(super) fn put(&self, out: &mut Vec<u8>, before: Moment, moment: Moment) {
        out.push(self.kind());
        varint::put_signed(out, moment.elapsed_ns.wrapping_sub(before.elapsed_ns));
        varint::put_signed(out, moment.unix_ns.wrapping_sub(before.unix_ns).cast_signed());
        match *self {
            Self::Open { route } | Self::HandOver { route } | Self::IsHandedOver { route } => {
                put_route(out, route);
            }
            Self::Closed { route, ending } => {
                put_route(out, route);
                out.push(u8::from(ending == Ending::InOrder));
            }
            Self::Text { route, payload } | Self::Binary { route, payload } => {
                put_route(out, route);
                put_bytes(out, payload);
            }
            Self::Document { id, status, retry_after_s, used_weight, body } => {
                varint::put(out, id);
                varint::put(out, status);
                put_maybe(out, retry_after_s);
                put_maybe(out, used_weight);
                put_bytes(out, body);
            }
            Self::NoDocument { id } => varint::put(out, id),
            Self::Subscribe { streams } | Self::Unsubscribe { streams } => put_bytes(out, streams),
            Self::Link { line } => put_bytes(out, line),
            Self::Deadline | Self::End | Self::Undrained => {}
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Open { .. } => 0,
            Self::Closed { .. } => 1,
            Self::Text { .. } => 2,
            Self::Binary { .. } => 3,
            Self::Document { .. } => 4,
            Self::NoDocument { .. } => 5,
            Self::Deadline => 6,
            Self::End => 7,
            Self::Subscribe { .. } => 8,
            Self::Unsubscribe { .. } => 9,
            Self::Link { .. } => 10,
            Self::Undrained => 11,
            Self::HandOver { .. } => 12,
            Self::IsHandedOver { .. } => 13,
        }
    }

    /// Takes a record off the front; `None` if there is no whole one of a known kind.
    pub(super) fn take(bytes: &mut &'a [u8], before: Moment) -> Option<(Moment, Self)> {
        let kind = take_byte(bytes)?;
        let moment = Moment {
            elapsed_ns: before.elapsed_ns.wrapping_add(varint::take_signed(bytes)?),
            unix_ns: before.unix_ns.wrapping_add(varint::take_signed(bytes)?.cast_unsigned()),
        };
        let record = match kind {
            0 => Self::Open { route: take_route(bytes)? },
            1 => Self::Closed { route: take_route(bytes)?, ending: take_ending(bytes)? },
            2 => Self::Text { route: take_route(bytes)?, payload: take_bytes(bytes)? },
            3 => Self::Binary { route: take_route(bytes)?, payload: take_bytes(bytes)? },
            4 => Self::Document {
                id: varint::take(bytes)?,
                status: varint::take(bytes)?,
                retry_after_s: take_maybe(bytes)?,
                used_weight: take_maybe(bytes)?,
                body: take_bytes(bytes)?,
            },
            5 => Self::NoDocument { id: varint::take(bytes)? },
            6 => Self::Deadline,
            7 => Self::End,
            8 => Self::Subscribe { streams: take_bytes(bytes)? },
            9 => Self::Unsubscribe { streams: take_bytes(bytes)? },
            10 => Self::Link { line: take_bytes(bytes)? },
            11 => Self::Undrained,
            12 => Self::HandOver { route: take_route(bytes)? },
            13 => Self::IsHandedOver { route: take_route(bytes)? },
            _ => return None,
        };
        Some((moment, record))
    }
}

fn put_route(out: &mut Vec<u8>, route: Route) {
    varint::put(out, route.endpoint as u64);
    varint::put(out, route.leg as u64);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_maybe(out: &mut Vec<u8>, number: Option<u64>) {
    out.push(u8::from(number.is_some()));
    number.into_iter().for_each(|number| varint::put(out, number));
}

fn take_route(bytes: &mut &[u8]) -> Option<Route> {
    let endpoint = usize::try_from(varint::take(bytes)?).ok()?;
    Some(Route { endpoint, leg: usize::try_from(varint::take(bytes)?).ok()? })
}

fn take_ending(bytes: &mut &[u8]) -> Option<Ending> {
    match take_byte(bytes)? {
        0 => Some(Ending::Lost),
        1 => Some(Ending::InOrder),
        _ => None,
    }
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint::take(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_maybe(bytes: &mut &[u8]) -> Option<Option<u64>> {
    match take_byte(bytes)? {
        0 => Some(None),
        1 => Some(Some(varint::take(bytes)?)),
        _ => None,
    }
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*byte)
}
