//! SOCKS5, RFC 1928, with user and password, RFC 1929.

use super::{Credentials, ProxyError};
use std::net::IpAddr;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
/// Of user and password alone (RFC 1929 2).
const SUBVERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// What was asked and is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// How to show who we are.
    Method,
    /// Whether user and password are right.
    Credentials,
    /// The way to the host.
    Connect,
}

/// What comes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is incomplete: so many bytes in all are needed to go on.
    Bytes(usize),
    /// Ask this, which begins a step.
    Ask(Step, Vec<u8>),
    /// The way is open.
    Open,
}

/// Where the way leads, and who asks.
pub(super) struct Destination<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) credentials: Option<&'a Credentials>,
}

impl Destination<'_> {
    /// What to say first.
    pub(super) fn greeting(&self) -> Vec<u8> {
        match self.credentials {
            None => vec![VERSION, 1, NO_AUTHENTICATION],
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        }
    }

    /// Reads the answer to a step, of which no more than was asked for is there.
    pub(super) fn answered(&self, step: Step, answer: &[u8]) -> Result<Next, ProxyError> {
        match step {
            Step::Method => self.method(answer),
            Step::Credentials => match answer {
                [_, 0] => Ok(self.connect()),
                [_, _] => Err(ProxyError::Credentials),
                _ => Ok(Next::Bytes(2)),
            },
            Step::Connect => reply(answer),
        }
    }

    fn method(&self, answer: &[u8]) -> Result<Next, ProxyError> {
        match (answer, self.credentials) {
            ([VERSION, NO_AUTHENTICATION], _) => Ok(self.connect()),
            ([VERSION, USER_AND_PASSWORD], Some(Credentials { user, password })) => {
                let mut bytes = vec![SUBVERSION];
                push_counted(&mut bytes, user);
                push_counted(&mut bytes, password);
                Ok(Next::Ask(Step::Credentials, bytes))
            }
            ([VERSION, 0xff], _) => Err(ProxyError::Credentials),
            ([VERSION, _], _) => Err(ProxyError::Broken("it chose what was not offered")),
            ([VERSION] | [], _) => Ok(Next::Bytes(2)),
            _ => Err(ProxyError::Broken("it is not SOCKS5")),
        }
    }

    fn connect(&self) -> Next {
        let mut bytes = vec![VERSION, CONNECT, 0];
        match self.host.parse() {
            Ok(IpAddr::V4(address)) => {
                bytes.push(IPV4);
                bytes.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                bytes.push(IPV6);
                bytes.extend(address.octets());
            }
            Err(_) => {
                bytes.push(DOMAIN);
                push_counted(&mut bytes, self.host);
            }
        }
        bytes.extend(self.port.to_be_bytes());
        Next::Ask(Step::Connect, bytes)
    }
}

/// The longest name, user or password that can be told, in bytes: one byte has its length (RFC 1928 5, RFC 1929 2).
pub(super) const TEXT_BYTES_MAX: usize = 255;

/// A text behind its length, which was checked.
fn push_counted(bytes: &mut Vec<u8>, text: &str) {
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    bytes.push(len);
    bytes.extend(text.bytes().take(usize::from(len)));
}

/// The answer to a request, with an address that means nothing here.
fn reply(answer: &[u8]) -> Result<Next, ProxyError> {
    match answer {
        [version, ..] if *version != VERSION => Err(ProxyError::Broken("it is not SOCKS5")),
        [_, code, ..] if *code != 0 => Err(ProxyError::Reply(*code)),
        [_, _, _, kind, first, ..] => {
            let size = match *kind {
                IPV4 => 10,
                IPV6 => 22,
                DOMAIN => 7 + usize::from(*first),
                _ => return Err(ProxyError::Broken("its address is of no known kind")),
            };
            Ok(if answer.len() < size { Next::Bytes(size) } else { Next::Open })
        }
        _ => Ok(Next::Bytes(5)),
    }
}

/// RFC 1928 6.
pub(super) fn words(code: u8) -> &'static str {
    match code {
        1 => "the proxy failed",
        2 => "the proxy's rules do not allow it",
        3 => "the proxy cannot reach the network",
        4 => "the proxy cannot reach the host",
        5 => "the host refused the connection",
        6 => "the way is too long",
        7 => "the proxy does not connect for others",
        8 => "the proxy does not know such addresses",
        _ => "the proxy refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'a>(host: &'a str, credentials: Option<&'a Credentials>) -> Destination<'a> {
        Destination { host, port: 443, credentials }
    }

    #[test]
    fn without_credentials_the_name_is_asked_for_at_once() {
        let target = target("venue.example", None);
        assert_eq!(target.greeting(), [5, 1, 0]);
        let mut expected = vec![5, 1, 0, 3, 13];
        expected.extend(b"venue.example\x01\xbb");
        assert_eq!(target.answered(Step::Method, &[5, 0]), Ok(Next::Ask(Step::Connect, expected)));
    }

    #[test]
    fn with_credentials_they_are_shown_if_they_are_wanted() {
        let credentials = Credentials { user: "us".into(), password: "pass".into() };
        let target = target("10.1.2.3", Some(&credentials));
        assert_eq!(target.greeting(), [5, 2, 0, 2]);
        let shown = Next::Ask(Step::Credentials, b"\x01\x02us\x04pass".to_vec());
        assert_eq!(target.answered(Step::Method, &[5, 2]), Ok(shown));
        let connect = || Ok(Next::Ask(Step::Connect, b"\x05\x01\x00\x01\x0a\x01\x02\x03\x01\xbb".to_vec()));
        assert_eq!(target.answered(Step::Credentials, &[1, 0]), connect());
        assert_eq!(target.answered(Step::Method, &[5, 0]), connect());
        assert_eq!(target.answered(Step::Credentials, &[1, 1]), Err(ProxyError::Credentials));
        assert_eq!(target.answered(Step::Method, &[5, 0xff]), Err(ProxyError::Credentials));
    }

    #[test]
    fn an_ipv6_host_is_an_address() {
        let Ok(Next::Ask(Step::Connect, bytes)) = target("::1", None).answered(Step::Method, &[5, 0]) else {
            panic!("it asks")
        };
        assert_eq!((bytes[3], bytes.len(), bytes[19]), (4, 22, 1));
    }

    #[test]
    fn a_reply_is_read_to_its_end_and_not_beyond() {
        let target = target("a", None);
        for address in [&b"\x01\x7f\x00\x00\x01"[..], b"\x03\x02ab", &[&[4][..], &[0; 16]].concat()] {
            let reply = [&b"\x05\x00\x00"[..], address, b"\x00\x50"].concat();
            let mut need = 0;
            while let Next::Bytes(more) = target.answered(Step::Connect, &reply[..need]).unwrap() {
                assert!(more > need && more <= reply.len(), "{need} {more}");
                need = more;
            }
            assert_eq!(need, reply.len());
        }
    }

    #[test]
    fn what_is_not_socks_is_refused() {
        let target = target("a", None);
        let broken =
            |step, answer: &[u8]| matches!(target.answered(step, answer), Err(ProxyError::Broken(_)));
        assert!(broken(Step::Method, b"HT") && broken(Step::Method, b"H") && broken(Step::Method, &[5, 2]));
        assert!(broken(Step::Connect, b"HTTP/") && broken(Step::Connect, &[5, 0, 0, 9, 0]));
        for code in 1..=255 {
            assert_eq!(target.answered(Step::Connect, &[5, code]), Err(ProxyError::Reply(code)));
        }
        assert!(ProxyError::Reply(5).to_string().starts_with("the host refused the connection"));
    }
}
