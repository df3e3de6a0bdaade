//! The peers that read from an asynchronous stream.
//!
//! In memory they are polled by hand with a waker that wakes nobody: the wire is ready whenever it has bytes, so that no
//! runtime has anything to do, and this is the least a poll can cost. Over sockets one block of messages is one
//! `block_on` of a current-thread runtime, because readiness comes from the runtime's reactor.

use crate::arm::{Arm, Tally};
use fastwebsockets::FragmentCollector;
use futures_util::StreamExt as _;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tungstenite::protocol::Role;

/// The largest message that is sent, and to spare: every peer is told or takes it by itself.
const LONGEST: usize = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    TokioTungstenite,
    Fastwebsockets,
    TokioWebsockets,
    Sockudo,
    Yawc,
}

impl Peer {
    pub(crate) const ALL: [Self; 5] =
        [Self::TokioTungstenite, Self::Fastwebsockets, Self::TokioWebsockets, Self::Sockudo, Self::Yawc];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TokioTungstenite => "tokio-tungstenite",
            Self::Fastwebsockets => "fastwebsockets",
            Self::TokioWebsockets => "tokio-websockets",
            Self::Sockudo => "sockudo-ws",
            Self::Yawc => "yawc",
        }
    }
}

/// What polls the peers. All of them run in the context of one runtime, because one keeps timers.
#[derive(Clone)]
pub(crate) struct Driver {
    runtime: Rc<Runtime>,
    by_hand: bool,
}

impl Driver {
    pub(crate) fn by_hand() -> Self {
        Self { by_hand: true, ..Self::on_runtime() }
    }

    pub(crate) fn on_runtime() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime: Rc::new(runtime), by_hand: false }
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Runs what needs a runtime around it.
    pub(crate) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        let _context = self.runtime.enter();
        run()
    }

    /// Runs until the end, or by hand until nothing comes for now.
    fn drive(&self, future: impl Future<Output = ()>) {
        if !self.by_hand {
            return self.runtime.block_on(future);
        }
        let _context = self.runtime.enter();
        let _pending = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    }
}

/// Reads one message and says how long it is.
trait Next {
    fn next(&mut self) -> impl Future<Output = usize>;
}

struct Asynchronous<N> {
    peer: N,
    driver: Driver,
}

impl<N: Next> Arm for Asynchronous<N> {
    fn drain(&mut self, until: u64) -> Tally {
        let Self { peer, driver } = self;
        let mut seen = Tally::default();
        driver.drive(async {
            while seen.messages < until {
                let len = peer.next().await;
                seen += Tally { messages: 1, bytes: len as u64 };
            }
        });
        seen
    }
}

/// `peer` on an upgraded stream.
pub(crate) fn arm<S>(peer: Peer, stream: S, driver: &Driver) -> Box<dyn Arm>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    fn boxed<N: Next + 'static>(peer: N, driver: &Driver) -> Box<dyn Arm> {
        Box::new(Asynchronous { peer, driver: driver.clone() })
    }
    let _context = driver.runtime.enter();
    match peer {
        Peer::TokioTungstenite => {
            let socket = driver.block_on(tokio_tungstenite::WebSocketStream::from_raw_socket(
                stream,
                Role::Client,
                None,
            ));
            boxed(TokioTungstenite(socket), driver)
        }
        Peer::Fastwebsockets => {
            let socket = fastwebsockets::WebSocket::after_handshake(stream, fastwebsockets::Role::Client);
            boxed(Fastwebsockets(FragmentCollector::new(socket)), driver)
        }
        Peer::TokioWebsockets => {
            boxed(TokioWebsockets(tokio_websockets::ClientBuilder::new().take_over(stream)), driver)
        }
        Peer::Sockudo => {
            boxed(Sockudo(sockudo_ws::WebSocketStream::client(stream, sockudo_ws::Config::default())), driver)
        }
        Peer::Yawc => {
            let options = yawc::Options::default().with_utf8().with_max_payload_read(LONGEST);
            let socket = yawc::WebSocket::from_stream(stream, yawc::Role::Client, options);
            boxed(Yawc(socket.expect("options that agree")), driver)
        }
    }
}

struct TokioTungstenite<S>(tokio_tungstenite::WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Next for TokioTungstenite<S> {
    async fn next(&mut self) -> usize {
        match self.0.next().await.expect("an open connection").expect("valid frames") {
            tungstenite::Message::Text(text) => black_box(text.as_bytes()).len(),
            tungstenite::Message::Binary(bytes) => black_box(&bytes[..]).len(),
            other => panic!("tokio-tungstenite: {other:?}"),
        }
    }
}

struct Fastwebsockets<S>(FragmentCollector<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Next for Fastwebsockets<S> {
    async fn next(&mut self) -> usize {
        let frame = self.0.read_frame().await.expect("valid frames");
        black_box(&frame.payload[..]).len()
    }
}

struct TokioWebsockets<S>(tokio_websockets::WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Next for TokioWebsockets<S> {
    async fn next(&mut self) -> usize {
        let message = self.0.next().await.expect("an open connection").expect("valid frames");
        black_box(&message.as_payload()[..]).len()
    }
}

struct Sockudo<S>(sockudo_ws::WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Next for Sockudo<S> {
    async fn next(&mut self) -> usize {
        match self.0.next().await.expect("an open connection").expect("valid frames") {
            sockudo_ws::Message::Text(bytes) | sockudo_ws::Message::Binary(bytes) => {
                black_box(&bytes[..]).len()
            }
            other => panic!("sockudo-ws: {other:?}"),
        }
    }
}

struct Yawc<S>(yawc::WebSocket<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Next for Yawc<S> {
    async fn next(&mut self) -> usize {
        let frame = poll_fn(|context| self.0.poll_next_frame(context)).await.expect("valid frames");
        black_box(&frame.payload()[..]).len()
    }
}
