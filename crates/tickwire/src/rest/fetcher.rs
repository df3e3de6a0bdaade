//! Documents over HTTP, on a thread of their own: the client blocks, and the feed must not.

use super::Answer;
use super::answer::Document;
use mio::event::Source;
use mio::unix::pipe;
use mio::{Interest, Registry, Token};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A request as a whole, from the look-up to the last byte; less than a session waits for it.
const TIMEOUT: Duration = Duration::from_secs(9);
/// The longest document: a full book of 5000 levels a side is a twentieth.
const BODY_BYTES_MAX: u64 = 8 << 20;

/// Asks one server after the other. The thread ends when this is dropped, after the request that it is at.
#[derive(Debug)]
pub(crate) struct Fetcher {
    requests: Sender<(u64, String)>,
    answers: Receiver<Answer>,
    bell: pipe::Receiver,
}

impl Fetcher {
    /// Starts the thread; `roots` are those of the builder.
    pub(crate) fn start(roots: &[CertificateDer<'static>]) -> io::Result<Self> {
        let agent = agent(roots);
        let (requests, to_do) = channel::<(u64, String)>();
        let (done, answers) = channel();
        let (mut ring, bell) = pipe::new()?;
        ring.set_nonblocking(false)?;
        thread::Builder::new().name("tickwire-rest".into()).spawn(move || {
            for (id, url) in to_do {
                let document = fetch(&agent, &url).ok();
                // Nobody waits any more if either is refused.
                if done.send(Answer { id, document }).is_err() || ring.write_all(&[0]).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { requests, answers, bell })
    }

    /// Asks for a document. False if the thread is gone.
    pub(crate) fn get(&self, id: u64, url: &str) -> bool {
        self.requests.send((id, url.to_owned())).is_ok()
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
fn agent(roots: &[CertificateDer<'static>]) -> Agent {
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
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("tickwire/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

fn fetch(agent: &Agent, url: &str) -> Result<Document, ureq::Error> {
    let mut response = agent.get(url).call()?;
    let retry_after_s = retry_after(&response);
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?;
    Ok(Document { status: response.status().as_u16(), retry_after_s, body })
}

fn retry_after<B>(response: &Response<B>) -> Option<u64> {
    response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()
}
