//! HTTP CONNECT, RFC 9110 9.3.6.

use super::{Credentials, ProxyError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest head of an answer, in bytes.
pub(super) const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;

/// What to ask for a way to `authority`, host and port.
pub(super) fn request(authority: &str, credentials: Option<&Credentials>) -> Vec<u8> {
    let mut text = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(Credentials { user, password }) = credentials {
        text.push_str(&format!("Proxy-Authorization: {}\r\n", basic(user, password)));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// User and password as RFC 7617 2 shows them.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Whether the way is open; false while the answer is incomplete.
pub(super) fn is_open(answer: &[u8]) -> Result<bool, ProxyError> {
    let mut rest = answer;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let size = match response.parse(rest) {
            Ok(httparse::Status::Complete(size)) => size,
            Ok(httparse::Status::Partial) if answer.len() < HEAD_BYTES_MAX => return Ok(false),
            Ok(httparse::Status::Partial) => return Err(ProxyError::Broken("its answer is too long")),
            Err(_) => return Err(ProxyError::Broken("its answer is not HTTP")),
        };
        let behind = rest.get(size..).unwrap_or_default();
        return match response.code {
            // RFC 9110 15.2: another answer follows.
            Some(100 | 102..=199) => {
                rest = behind;
                continue;
            }
            // Nobody speaks before us at the other end.
            Some(200..=299) if !behind.is_empty() => {
                Err(ProxyError::Broken("there is more behind its answer"))
            }
            Some(200..=299) => Ok(true),
            Some(407) => Err(ProxyError::Credentials),
            Some(status) => Err(ProxyError::Status(status)),
            None => Err(ProxyError::Broken("its answer has no status")),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_that_of_the_rfc() {
        let plain = b"CONNECT venue.example:443 HTTP/1.1\r\nHost: venue.example:443\r\n\r\n";
        assert_eq!(request("venue.example:443", None), plain);
        // RFC 7617 2: the example of Basic authentication.
        let credentials = Credentials { user: "Aladdin".into(), password: "open sesame".into() };
        let text = String::from_utf8(request("[::1]:443", Some(&credentials))).unwrap();
        assert!(text.contains("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{text}");
        assert!(text.starts_with("CONNECT [::1]:443 HTTP/1.1\r\n"), "{text}");
    }

    #[test]
    fn an_answer_opens_the_way_or_says_why_not() {
        let open = b"HTTP/1.1 200 Connection established\r\nProxy-Agent: x\r\n\r\n";
        for end in 0..open.len() {
            assert_eq!(is_open(&open[..end]), Ok(false), "{end}");
        }
        assert_eq!(is_open(open), Ok(true));
        assert_eq!(is_open(b"HTTP/1.0 204 \r\n\r\n"), Ok(true));
        assert_eq!(is_open(b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n"), Ok(false), "it says more");
        assert_eq!(is_open(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Ok(true));
        let status = |status: u16| is_open(format!("HTTP/1.1 {status} x\r\n\r\n").as_bytes());
        assert_eq!(status(407), Err(ProxyError::Credentials));
        for refused in [101, 301, 403, 502] {
            assert_eq!(status(refused), Err(ProxyError::Status(refused)));
        }
    }

    #[test]
    fn an_answer_that_is_none_is_refused() {
        let broken = |answer: &[u8]| matches!(is_open(answer), Err(ProxyError::Broken(_)));
        assert!(broken(b"\x05\x00") && broken(b"HTTP/1.1 abc\r\n\r\n"));
        assert!(broken(b"HTTP/1.1 200 OK\r\n\r\nsmtp ready"));
        let mut long = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        long.resize(HEAD_BYTES_MAX - 1, b'x');
        assert_eq!(is_open(&long), Ok(false));
        long.push(b'x');
        assert!(broken(&long));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(HEADERS_MAX + 1));
        assert!(broken(many.as_bytes()));
    }
}
