//! The body of a Close frame, RFC 6455 5.5.1.

use crate::code::CloseCode;
use crate::error::{SendError, Violation};

/// What a Close frame said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Close {
    /// The code; `None` when the frame was empty (RFC 6455 7.1.5 calls that 1005).
    pub code: Option<CloseCode>,
    /// The reason, at most 123 bytes, empty when none was given. It is the peer's text: escape it before showing it.
    pub reason: String,
}

impl Close {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Violation> {
        let Some((code, reason)) = body.split_first_chunk::<2>() else {
            return if body.is_empty() { Ok(Self::default()) } else { Err(Violation::CloseLength) };
        };
        let number = u16::from_be_bytes(*code);
        let code = CloseCode::new(number).ok_or(Violation::CloseCode(number))?;
        let reason = std::str::from_utf8(reason).map_err(|_| Violation::CloseReason)?;
        Ok(Self { code: Some(code), reason: reason.to_owned() })
    }
}

/// The body of a Close frame to send.
pub(crate) fn body(code: CloseCode, reason: &str) -> Result<Vec<u8>, SendError> {
    if reason.len() > 123 {
        return Err(SendError::ControlTooLong);
    }
    Ok([&u16::from(code).to_be_bytes(), reason.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_on_the_wire_are_those_of_the_registry() {
        for good in
            [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
        {
            assert_eq!(CloseCode::new(good).map(u16::from), Some(good));
        }
        for bad in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            assert_eq!(CloseCode::new(bad), None, "{bad}");
            assert_eq!(Close::parse(&bad.to_be_bytes()), Err(Violation::CloseCode(bad)));
        }
    }

    #[test]
    fn bodies_are_read_as_the_rfc_says() {
        assert_eq!(Close::parse(b""), Ok(Close { code: None, reason: String::new() }));
        assert_eq!(Close::parse(b"\x03"), Err(Violation::CloseLength));
        assert_eq!(
            Close::parse(b"\x03\xe8bye"),
            Ok(Close { code: Some(CloseCode::NORMAL), reason: "bye".into() })
        );
        assert_eq!(Close::parse(b"\x03\xe8\xff"), Err(Violation::CloseReason));
    }

    #[test]
    fn a_reason_of_123_bytes_fits_and_124_do_not() {
        assert_eq!(body(CloseCode::NORMAL, &"x".repeat(123)).map(|b| b.len()), Ok(125));
        assert_eq!(body(CloseCode::NORMAL, &"x".repeat(124)), Err(SendError::ControlTooLong));
    }
}
