//! The conversation with a proxy, without its socket.

use super::socks::{Destination, Next, Step, TEXT_BYTES_MAX};
use super::{Protocol, Proxy, ProxyError, connect};
use std::net::Ipv6Addr;

/// Asks a proxy for a way to a host.
pub(crate) struct Tunnel {
    proxy: Proxy,
    host: String,
    port: u16,
    /// The last question of SOCKS.
    step: Step,
    question: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
    /// How long the answer may be before it is looked at again.
    wanted: usize,
}

impl Tunnel {
    pub(crate) fn new(proxy: Proxy, host: &str, port: u16) -> Result<Self, ProxyError> {
        if proxy.protocol == Protocol::Socks5 && host.len() > TEXT_BYTES_MAX {
            return Err(ProxyError::HostTooLong);
        }
        let (question, wanted) = match proxy.protocol {
            Protocol::Http => {
                let is_ipv6 = host.parse::<Ipv6Addr>().is_ok();
                let authority = if is_ipv6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                (connect::request(&authority, proxy.credentials.as_ref()), connect::HEAD_BYTES_MAX)
            }
            Protocol::Socks5 => (destination(&proxy, host, port).greeting(), 2),
        };
        let (host, answer) = (host.to_owned(), Vec::new());
        Ok(Self { proxy, host, port, step: Step::Method, question, sent: 0, answer, wanted })
    }

    /// What is to be written.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.question.get(self.sent..).unwrap_or_default()
    }

    pub(crate) fn sent(&mut self, count: usize) {
        self.sent += count;
    }

    /// How many bytes may be read: of SOCKS none that is not the proxy's own, of HTTP a whole head.
    pub(crate) fn room(&self) -> usize {
        self.wanted.saturating_sub(self.answer.len())
    }

    /// Something was read. True once the way is open.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Result<bool, ProxyError> {
        self.answer.extend_from_slice(bytes);
        match self.proxy.protocol {
            Protocol::Http => connect::is_open(&self.answer),
            Protocol::Socks5 => {
                match destination(&self.proxy, &self.host, self.port).answered(self.step, &self.answer)? {
                    Next::Open => return Ok(true),
                    Next::Bytes(wanted) => self.wanted = wanted,
                    Next::Ask(step, question) => {
                        (self.step, self.question, self.sent) = (step, question, 0);
                        self.answer.clear();
                        self.wanted = if step == Step::Connect { 5 } else { 2 };
                    }
                }
                Ok(false)
            }
        }
    }
}

fn destination<'a>(proxy: &'a Proxy, host: &'a str, port: u16) -> Destination<'a> {
    Destination { host, port, credentials: proxy.credentials.as_ref() }
}

impl std::fmt::Debug for Tunnel {
    /// Questions may hold credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("proxy", &self.proxy).field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    /// What comes of an answer that arrives in pieces of a size; `None` while more is wanted.
    fn verdict(url: &str, answer: &[u8], piece: usize) -> Option<Result<(), ProxyError>> {
        let mut tunnel = Tunnel::new(Proxy::parse(url).unwrap(), "venue.example", 443).unwrap();
        let mut rest = answer;
        while !rest.is_empty() {
            tunnel.sent(tunnel.unsent().len());
            let (now, later) = rest.split_at(piece.min(tunnel.room()).min(rest.len()));
            match tunnel.received(now) {
                Ok(true) => return Some(Ok(())),
                Ok(false) => rest = later,
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn whatever_a_proxy_says_means_the_same_in_any_pieces(
            answer in vec(prop_oneof![0..8_u8, any::<u8>()], 1..40),
            head in "HTTP/1.1 [0-9]{3}( x)?\r\n(a: b\r\n)?(\r\n)?",
            piece in 1..9_usize,
        ) {
            for url in ["socks5://a/", "socks5://user:pass@a/"] {
                prop_assert_eq!(verdict(url, &answer, piece), verdict(url, &answer, usize::MAX));
                let polite = [&[5, 0][..], &answer].concat();
                prop_assert_eq!(verdict(url, &polite, piece), verdict(url, &polite, usize::MAX));
            }
            prop_assert_eq!(verdict("http://a/", head.as_bytes(), piece), verdict("http://a/", head.as_bytes(), usize::MAX));
            let _ = verdict("http://a/", &answer, piece);
        }
    }

    #[test]
    fn a_name_that_socks_cannot_tell_is_refused() {
        let name = "a".repeat(256);
        let refused = Tunnel::new(Proxy::parse("socks5://a/").unwrap(), &name, 443).err();
        assert_eq!(refused, Some(ProxyError::HostTooLong));
        assert!(Tunnel::new(Proxy::parse("http://a/").unwrap(), &name, 443).is_ok());
    }
}
