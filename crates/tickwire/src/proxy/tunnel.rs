//! The conversation with a proxy, without its socket.

use super::socks::{Next, Step, Target};
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
    pub(crate) fn new(proxy: Proxy, host: &str, port: u16) -> Self {
        let (question, wanted) = match proxy.protocol {
            Protocol::Http => {
                let is_ipv6 = host.parse::<Ipv6Addr>().is_ok();
                let authority = if is_ipv6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                (connect::request(&authority, proxy.credentials.as_ref()), connect::HEAD_BYTES_MAX)
            }
            Protocol::Socks5 => (target(&proxy, host, port).greeting(), 2),
        };
        let (host, answer) = (host.to_owned(), Vec::new());
        Self { proxy, host, port, step: Step::Method, question, sent: 0, answer, wanted }
    }

    /// What is to be written.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.question.get(self.sent..).unwrap_or_default()
    }

    pub(crate) fn sent(&mut self, count: usize) {
        self.sent += count;
    }

    /// How many bytes may be read: no byte that is not the proxy's own.
    pub(crate) fn room(&self) -> usize {
        self.wanted.saturating_sub(self.answer.len())
    }

    /// Something was read. True once the way is open.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Result<bool, ProxyError> {
        self.answer.extend_from_slice(bytes);
        match self.proxy.protocol {
            Protocol::Http => connect::is_open(&self.answer),
            Protocol::Socks5 => {
                match target(&self.proxy, &self.host, self.port).answered(self.step, &self.answer)? {
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

fn target<'a>(proxy: &'a Proxy, host: &'a str, port: u16) -> Target<'a> {
    Target { host, port, credentials: proxy.credentials.as_ref() }
}

impl std::fmt::Debug for Tunnel {
    /// Questions may hold credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("proxy", &self.proxy).field("host", &self.host).finish_non_exhaustive()
    }
}
