//! Agreeing on permessage-deflate, RFC 7692 7.1: offers, answers, and what they bind both sides to.

use super::{Deflate, WindowBits};

/// The extension's name.
pub(crate) const NAME: &str = "permessage-deflate";

/// What both sides are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// The server forgets its window after each message.
    pub(crate) server_forgets: bool,
    /// The client forgets its window after each message.
    pub(crate) client_forgets: bool,
    /// The largest window of the server's compressor.
    pub(crate) server_bits: WindowBits,
    /// The largest window of the client's compressor.
    pub(crate) client_bits: WindowBits,
}

/// The parameters of one offer or answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
    /// Present, and with a value or without.
    client_max_window_bits: Option<Option<WindowBits>>,
}

/// The client's offer, a value of `Sec-WebSocket-Extensions`.
pub(crate) fn offer(wanted: &Deflate) -> String {
    let mut offer = NAME.to_owned();
    if wanted.server_no_context_takeover {
        offer.push_str("; server_no_context_takeover");
    }
    if wanted.client_no_context_takeover {
        offer.push_str("; client_no_context_takeover");
    }
    if wanted.server_max_window_bits < WindowBits::MAX {
        offer.push_str(&format!("; server_max_window_bits={}", wanted.server_max_window_bits));
    }
    // Without it the server must not limit our window (RFC 7692 7.1.2.2).
    offer.push_str("; client_max_window_bits");
    if wanted.client_max_window_bits < WindowBits::MAX {
        offer.push_str(&format!("={}", wanted.client_max_window_bits));
    }
    offer
}

/// What the server's answer to our [`offer`] means; `None` if it is not one that we must accept (RFC 7692 7.1.3).
pub(crate) fn accept(wanted: &Deflate, answer: &str) -> Option<Agreement> {
    let mut extensions = extensions(answer);
    let (name, parameters) = extensions.next()?;
    if extensions.next().is_some() || !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let answered = parse(parameters)?;
    let server_bits = answered.server_max_window_bits.unwrap_or(WindowBits::MAX);
    let client_bits = match answered.client_max_window_bits {
        None => wanted.client_max_window_bits,
        Some(bits) => bits?,
    };
    let as_offered = (answered.server_no_context_takeover || !wanted.server_no_context_takeover)
        && server_bits <= wanted.server_max_window_bits
        && client_bits <= wanted.client_max_window_bits;
    as_offered.then_some(Agreement {
        server_forgets: answered.server_no_context_takeover,
        client_forgets: answered.client_no_context_takeover || wanted.client_no_context_takeover,
        server_bits,
        client_bits,
    })
}

/// The first offer that the server can take, and its answer.
pub(crate) fn choose(wanted: &Deflate, offers: &str) -> Option<(Agreement, String)> {
    extensions(offers)
        .filter(|(name, _)| name.eq_ignore_ascii_case(NAME))
        .find_map(|(_, parameters)| answer(wanted, parse(parameters)?))
}

fn answer(wanted: &Deflate, offered: Parameters) -> Option<(Agreement, String)> {
    let asked_bits = offered.server_max_window_bits.unwrap_or(WindowBits::MAX);
    let server_bits = asked_bits.min(wanted.server_max_window_bits);
    let client_bits = match offered.client_max_window_bits {
        None => WindowBits::MAX,
        Some(bits) => bits.unwrap_or(WindowBits::MAX).min(wanted.client_max_window_bits),
    };
    let agreement = Agreement {
        server_forgets: offered.server_no_context_takeover || wanted.server_no_context_takeover,
        client_forgets: offered.client_no_context_takeover || wanted.client_no_context_takeover,
        server_bits,
        client_bits,
    };
    let mut answer = NAME.to_owned();
    if agreement.server_forgets {
        answer.push_str("; server_no_context_takeover");
    }
    if agreement.client_forgets {
        answer.push_str("; client_no_context_takeover");
    }
    if offered.server_max_window_bits.is_some() || server_bits < WindowBits::MAX {
        answer.push_str(&format!("; server_max_window_bits={server_bits}"));
    }
    // Only a client that offered it may be limited (RFC 7692 7.1.2.2).
    if offered.client_max_window_bits.is_some() && client_bits < WindowBits::MAX {
        answer.push_str(&format!("; client_max_window_bits={client_bits}"));
    }
    Some((agreement, answer))
}

/// The extensions of a list: each name with its parameters, not split yet. Elements may be empty (RFC 9110 5.6.1.2).
pub(crate) fn extensions(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(',').map(trim).filter(|extension| !extension.is_empty()).map(|extension| {
        let (name, parameters) = extension.split_at(extension.find(';').unwrap_or(extension.len()));
        (trim(name), parameters)
    })
}

/// Without the white space that may stand around the parts of a field (RFC 9110 5.6.3).
fn trim(part: &str) -> &str {
    part.trim_matches([' ', '\t'])
}

/// The parameters of an offer or an answer, each behind its semicolon; `None` for unknown or repeated ones and for
/// values that are not allowed.
fn parse(parameters: &str) -> Option<Parameters> {
    let mut parsed = Parameters::default();
    for parameter in parameters.split(';').skip(1).map(trim) {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (trim(name), Some(trim(value))),
            None => (parameter, None),
        };
        // RFC 7692 5.2: a value may be quoted, but what is quoted must be a token.
        let value = value
            .map(|value| value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value));
        let fresh = match (name.to_ascii_lowercase().as_str(), value) {
            ("server_no_context_takeover", None) => {
                !std::mem::replace(&mut parsed.server_no_context_takeover, true)
            }
            ("client_no_context_takeover", None) => {
                !std::mem::replace(&mut parsed.client_no_context_takeover, true)
            }
            ("server_max_window_bits", Some(value)) => {
                parsed.server_max_window_bits.replace(WindowBits::parse(value)?).is_none()
            }
            ("client_max_window_bits", None) => parsed.client_max_window_bits.replace(None).is_none(),
            ("client_max_window_bits", Some(value)) => {
                parsed.client_max_window_bits.replace(Some(WindowBits::parse(value)?)).is_none()
            }
            _ => false,
        };
        if !fresh {
            return None;
        }
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bits: u8) -> WindowBits {
        WindowBits::new(bits).unwrap()
    }

    #[test]
    fn an_offer_names_what_is_wanted() {
        assert_eq!(offer(&Deflate::default()), "permessage-deflate; client_max_window_bits");
        let all = Deflate {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: bits(10),
            client_max_window_bits: bits(9),
            ..Deflate::default()
        };
        assert_eq!(
            offer(&all),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9"
        );
    }

    #[test]
    fn answers_bind_a_client_as_the_rfc_says() {
        let wanted = Deflate::default();
        let plain = Agreement {
            server_forgets: false,
            client_forgets: false,
            server_bits: bits(15),
            client_bits: bits(15),
        };
        let cases = [
            ("permessage-deflate", Some(plain)),
            (
                "Permessage-Deflate ; Server_No_Context_Takeover",
                Some(Agreement { server_forgets: true, ..plain }),
            ),
            (
                "permessage-deflate; client_no_context_takeover",
                Some(Agreement { client_forgets: true, ..plain }),
            ),
            (
                "permessage-deflate; server_max_window_bits=8",
                Some(Agreement { server_bits: bits(8), ..plain }),
            ),
            (
                "permessage-deflate; client_max_window_bits=\"8\"",
                Some(Agreement { client_bits: bits(8), ..plain }),
            ),
            ("permessage-deflate; client_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits=7", None),
            ("permessage-deflate; server_max_window_bits=16", None),
            ("permessage-deflate; server_max_window_bits=08", None),
            ("permessage-deflate; server_max_window_bits=+9", None),
            ("permessage-deflate; server_no_context_takeover=true", None),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
            ("permessage-deflate; unknown", None),
            ("permessage-deflate;", None),
            ("permessage-deflate; ; server_no_context_takeover", None),
            ("permessage-deflate; server_max_window_bits=\u{a0}10", None),
            ("permessage-deflate, permessage-deflate", None),
            (", permessage-deflate ,,", Some(plain)),
            ("permessage-bzip2", None),
            ("", None),
        ];
        for (answer, expected) in cases {
            assert_eq!(accept(&wanted, answer), expected, "{answer}");
        }
        let strict = Deflate {
            server_no_context_takeover: true,
            server_max_window_bits: bits(10),
            client_max_window_bits: bits(12),
            ..wanted
        };
        assert_eq!(
            accept(&strict, "permessage-deflate; server_max_window_bits=10"),
            None,
            "takeover was not to be"
        );
        assert_eq!(
            accept(&strict, "permessage-deflate; server_no_context_takeover; server_max_window_bits=11"),
            None
        );
        assert_eq!(
            accept(&strict, "permessage-deflate; server_no_context_takeover"),
            None,
            "15 bits are more than 10"
        );
        assert!(accept(&strict, "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12").is_some());
    }

    #[test]
    fn a_server_takes_the_first_offer_that_it_can() {
        let wanted = Deflate::default();
        let answered = |offers: &str| choose(&wanted, offers).map(|(_, answer)| answer);
        let cases = [
            ("permessage-deflate", Some("permessage-deflate")),
            ("permessage-deflate; client_max_window_bits", Some("permessage-deflate")),
            (
                "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=9",
                Some("permessage-deflate; server_max_window_bits=9"),
            ),
            (
                "permessage-deflate; server_max_window_bits=8, permessage-deflate",
                Some("permessage-deflate; server_max_window_bits=8"),
            ),
            (
                "permessage-deflate; bogus, permessage-deflate; client_no_context_takeover",
                Some("permessage-deflate; client_no_context_takeover"),
            ),
            (
                "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
                Some("permessage-deflate; server_no_context_takeover; client_max_window_bits=10"),
            ),
            ("permessage-bzip2", None),
        ];
        for (offers, expected) in cases {
            assert_eq!(answered(offers).as_deref(), expected, "{offers}");
        }
    }
}
