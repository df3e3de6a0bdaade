//! One thing that a session was told, and its bytes within a block.

use super::varint;

/// When it happened, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    /// By the clock that never jumps, since the recording began; negative for what was read just before.
    pub(crate) elapsed_ns: i64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) unix_ns: u64,
}

/// One call on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// A connection opened.
    Open { route: u64 },
    /// A connection was lost or closed.
    Closed { route: u64 },
    /// A text message arrived.
    Text { route: u64, payload: &'a [u8] },
    /// A binary message arrived.
    Binary { route: u64, payload: &'a [u8] },
    /// A document arrived.
    Document { id: u64, status: u64, retry_after_s: Option<u64>, body: &'a [u8] },
    /// A document did not arrive.
    NoDocument { id: u64 },
    /// Time had passed.
    Deadline,
    /// The recording is complete.
    End,
}

impl<'a> Record<'a> {
    /// Appends the record; moments are written as the difference to the one `before`, 0 at a block's beginning.
    pub(super) fn put(&self, out: &mut Vec<u8>, before: Moment, moment: Moment) {
        out.push(self.kind());
        varint::put_signed(out, moment.elapsed_ns.wrapping_sub(before.elapsed_ns));
        varint::put_signed(out, moment.unix_ns.wrapping_sub(before.unix_ns).cast_signed());
        match *self {
            Self::Open { route } | Self::Closed { route } => varint::put(out, route),
            Self::Text { route, payload } | Self::Binary { route, payload } => {
                varint::put(out, route);
                put_bytes(out, payload);
            }
            Self::Document { id, status, retry_after_s, body } => {
                varint::put(out, id);
                varint::put(out, status);
                out.push(u8::from(retry_after_s.is_some()));
                varint::put(out, retry_after_s.unwrap_or(0));
                put_bytes(out, body);
            }
            Self::NoDocument { id } => varint::put(out, id),
            Self::Deadline | Self::End => {}
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
        }
    }

    /// Takes a record off the front; `None` if there is no whole one of a known kind.
    pub(super) fn take(bytes: &mut &'a [u8], before: Moment) -> Option<(Moment, Self)> {
        let (kind, rest) = bytes.split_first()?;
        *bytes = rest;
        let moment = Moment {
            elapsed_ns: before.elapsed_ns.wrapping_add(varint::take_signed(bytes)?),
            unix_ns: before.unix_ns.wrapping_add(varint::take_signed(bytes)?.cast_unsigned()),
        };
        let record = match kind {
            0 => Self::Open { route: varint::take(bytes)? },
            1 => Self::Closed { route: varint::take(bytes)? },
            2 => Self::Text { route: varint::take(bytes)?, payload: take_bytes(bytes)? },
            3 => Self::Binary { route: varint::take(bytes)?, payload: take_bytes(bytes)? },
            4 => Self::Document {
                id: varint::take(bytes)?,
                status: varint::take(bytes)?,
                retry_after_s: take_retry_after(bytes)?,
                body: take_bytes(bytes)?,
            },
            5 => Self::NoDocument { id: varint::take(bytes)? },
            6 => Self::Deadline,
            7 => Self::End,
            _ => return None,
        };
        Some((moment, record))
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint::take(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_retry_after(bytes: &mut &[u8]) -> Option<Option<u64>> {
    let (known, rest) = bytes.split_first()?;
    *bytes = rest;
    let seconds = varint::take(bytes)?;
    match known {
        0 => Some(None),
        1 => Some(Some(seconds)),
        _ => None,
    }
}
