//! Documents over HTTP, on a thread of their own: the client blocks, and the feed must not.

use super::Answer;
use super::answer::Document;
use crate::clock;
use crate::proxy::Proxy;
use mio::event::Source;
use mio::unix::pipe;
use mio::{Interest, Registry, Token};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, ProxyProtocol};

/// A request as a whole, from the moment it is wanted, through the queue, to the last byte; less than a session waits
/// for it.
const TIMEOUT: Duration = Duration::from_secs(9);
/// The longest document: a full book of 5000 levels a side is a twentieth.
const BODY_BYTES_MAX: u64 = 8 << 20;

/// A document that is wanted.
#[derive(Debug)]
struct Request {
    id: u64,
    url: String,
    since: Instant,
}

impl Request {
    /// How long it may still take; `None` when nobody waits for it any more.
    fn left(&self, now: Instant) -> Option<Duration> {
        let left = TIMEOUT.saturating_sub(now.saturating_duration_since(self.since));
        (!left.is_zero()).then_some(left)
    }
}

/// Asks one server after the other. The thread ends when this is dropped, after the request that it is at.
#[derive(Debug)]
pub(crate) struct Fetcher {
    requests: Sender<Request>,
    answers: Receiver<Answer>,
    bell: pipe::Receiver,
}

impl Fetcher {
    /// Starts the thread; `roots` and the proxy are those of the builder.
    pub(crate) fn start(roots: &[CertificateDer<'static>], proxy: Option<&Proxy>) -> io::Result<Self> {
        let agent = agent(roots, proxy)?;
        let (requests, to_do) = channel::<Request>();
        let (done, answers) = channel();
        let (mut ring, bell) = pipe::new()?;
        ring.set_nonblocking(false)?;
        thread::Builder::new().name("tickwire-rest".into()).spawn(move || {
            for request in to_do {
                let document = document(&agent, &request, clock::now());
                // Nobody waits any more if either is refused.
                if done.send(Answer { id: request.id, document }).is_err() || ring.write_all(&[0]).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { requests, answers, bell })
    }

    /// Asks for a document. False if the thread is gone.
    pub(crate) fn get(&self, id: u64, url: &str) -> bool {
        self.requests.send(Request { id, url: url.to_owned(), since: clock::now() }).is_ok()
    }

    /// The next answer that is there.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        // The bell has rung once for each answer; what it rang is of no further use.
        let mut rung = [0; 64];
        while self.bell.read(&mut rung).is_ok_and(|count| count > 0) {}
        self.answers.try_recv().ok()
    }
}

impl Source for Fetcher {
    fn register(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        registry.register(&mut self.bell, token, Interest::READABLE)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        registry.reregister(&mut self.bell, token, Interest::READABLE)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.bell)
    }
}

/// Trusts the public web's roots, or only `roots` if there are some: the library takes no other mixture.
fn agent(roots: &[CertificateDer<'static>], proxy: Option<&Proxy>) -> io::Result<Agent> {
    let trusted = match roots {
        [] => RootCerts::WebPki,
        roots => RootCerts::from(roots.iter().map(|root| Certificate::from_der(root).to_owned())),
    };
    let tls = TlsConfig::builder()
        .root_certs(trusted)
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy.map(way_through).transpose().map_err(io::Error::other)?)
        .user_agent(concat!("tickwire/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.new_agent())
}

/// The same proxy in ureq's terms. It is to look the host up.
fn way_through(proxy: &Proxy) -> Result<ureq::Proxy, ureq::Error> {
    let protocol = if proxy.is_socks() { ProxyProtocol::Socks5h } else { ProxyProtocol::Http };
    let host = proxy.host();
    let shown = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let way = ureq::Proxy::builder(protocol).host(&shown).port(proxy.port());
    match proxy.credentials() {
        Some((user, password)) => way.username(user).password(password).build(),
        None => way.build(),
    }
}

/// What is fetched, unless it fails or the request has waited for too long behind others: its session asks again, and
/// is charged for each.
fn document(agent: &Agent, request: &Request, now: Instant) -> Option<Document> {
    fetch(agent, &request.url, request.left(now)?).ok()
}

fn fetch(agent: &Agent, url: &str, timeout: Duration) -> Result<Document, ureq::Error> {
    let mut response = agent.get(url).config().timeout_global(Some(timeout)).build().call()?;
    let [retry_after_s, used_weight] =
        ["retry-after", "x-mbx-used-weight-1m"].map(|name| number(&response, name));
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?;
    Ok(Document { status: response.status().as_u16(), retry_after_s, used_weight, body })
}

/// The number in a header field.
fn number<B>(response: &Response<B>, name: &str) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::TcpListener;

    #[test]
    fn a_request_that_waited_for_too_long_is_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let request = Request { id: 1, url, since: clock::now() };
        assert!(document(&agent(&[], None).unwrap(), &request, request.since + TIMEOUT).is_none());
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_request_that_waited_has_the_rest_of_its_time() {
        let request = Request { id: 1, url: String::new(), since: clock::now() };
        let second = Duration::from_secs(1);
        assert_eq!(request.left(request.since), Some(TIMEOUT));
        assert_eq!(request.left(request.since + TIMEOUT - second), Some(second));
        assert_eq!(request.left(request.since + TIMEOUT), None);
    }

    #[test]
    fn a_request_in_time_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            socket
                .write_all(b"HTTP/1.1 429 Slow down\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}")
                .unwrap();
        });
        let request = Request { id: 1, url, since: clock::now() };
        let document = document(&agent(&[], None).unwrap(), &request, request.since).unwrap();
        assert_eq!((document.status, document.retry_after_s, &document.body[..]), (429, Some(3), &b"{}"[..]));
        server.join().unwrap();
    }
}
