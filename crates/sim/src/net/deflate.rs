//! permessage-deflate, RFC 7692: what is agreed with a client, and the compressor of what it is sent.

use flate2::{Compress, Compression, FlushCompress};

/// What ends a block that was flushed, and is left out of messages (RFC 7692 7.2.1).
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const ROOM: usize = 1_024;

/// What both sides are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    /// For `Sec-WebSocket-Extensions`.
    pub(super) answer: String,
    forgets: bool,
    bits: u8,
}

/// Takes the first offer that can be kept to; `forgets` is what the server does if it may choose.
pub(super) fn agree(offers: &str, forgets: bool) -> Option<Agreement> {
    offers.split(',').find_map(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        if parts.next()? == "permessage-deflate" { accept(parts, forgets) } else { None }
    })
}

fn accept<'a>(parameters: impl Iterator<Item = &'a str>, forgets: bool) -> Option<Agreement> {
    let mut agreed = Agreement { answer: String::new(), forgets, bits: 15 };
    let (mut server_bits, mut client_bits) = (None, None);
    for parameter in parameters {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"').parse::<u8>().ok()?)),
            None => (parameter, None),
        };
        match (name, value) {
            ("server_no_context_takeover", None) => agreed.forgets = true,
            ("client_no_context_takeover", None) => {}
            // The compressor cannot do with the 256 bytes that 8 stands for.
            ("server_max_window_bits", Some(9..=15)) => server_bits = value,
            ("client_max_window_bits", None) => client_bits = Some(15),
            ("client_max_window_bits", Some(8..=15)) => client_bits = value,
            _ => return None,
        }
    }
    agreed.bits = server_bits.unwrap_or(15);
    let parameters = [
        agreed.forgets.then(|| "; server_no_context_takeover".to_owned()),
        server_bits.map(|bits| format!("; server_max_window_bits={bits}")),
        // Only a client that offered it may be told (RFC 7692 7.1.2.2).
        client_bits.map(|bits| format!("; client_max_window_bits={bits}")),
    ];
    agreed.answer =
        std::iter::once("permessage-deflate".to_owned()).chain(parameters.into_iter().flatten()).collect();
    Some(agreed)
}

/// Compresses messages one after another.
#[derive(Debug)]
pub(super) struct Deflater {
    compress: Compress,
    forgets: bool,
}

impl Deflater {
    pub(super) fn new(agreed: &Agreement) -> Self {
        let compress = Compress::new_with_window_bits(Compression::fast(), false, agreed.bits);
        Self { compress, forgets: agreed.forgets }
    }

    /// A message's payload on the wire; `None` if the compressor fails.
    pub(super) fn message(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        if self.forgets {
            self.compress.reset();
        }
        let mut packed = Vec::with_capacity(plain.len() / 2 + ROOM);
        let mut rest = plain;
        loop {
            let before = self.compress.total_in();
            self.compress.compress_vec(rest, &mut packed, FlushCompress::Sync).ok()?;
            let taken = usize::try_from(self.compress.total_in() - before).ok()?;
            rest = rest.get(taken..)?;
            // A flush is complete when it leaves room behind.
            if rest.is_empty() && packed.len() < packed.capacity() {
                break;
            }
            packed.reserve(ROOM);
        }
        packed.truncate(packed.len().checked_sub(TAIL.len())?);
        Some(packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_get_the_answers_that_the_rfc_allows() {
        let answer = |offers, forgets| agree(offers, forgets).map(|agreed| agreed.answer);
        let some = |parameters: &str| Some(format!("permessage-deflate{parameters}"));
        let usual = "permessage-deflate; client_max_window_bits";
        assert_eq!(answer(usual, true), some("; server_no_context_takeover; client_max_window_bits=15"));
        assert_eq!(answer(usual, false), some("; client_max_window_bits=15"));
        assert_eq!(answer("permessage-deflate", false), some(""));
        assert_eq!(
            answer("permessage-deflate; server_no_context_takeover; server_max_window_bits=10", false),
            some("; server_no_context_takeover; server_max_window_bits=10")
        );
        let second =
            "permessage-deflate; server_max_window_bits=8, permessage-deflate; client_max_window_bits=9";
        assert_eq!(answer(second, false), some("; client_max_window_bits=9"));
        for refused in ["", "x-webkit-deflate-frame", "permessage-deflate; colour=1"] {
            assert_eq!(answer(refused, true), None, "{refused}");
        }
    }
}
