//! The peers that read from a nonblocking stream.

use crate::arm::{Arm, Tally};
use std::hint::black_box;
use std::io::{ErrorKind, Read, Write};
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

pub(crate) struct Tungstenite<S>(pub(crate) WebSocket<S>);

impl<S: Read + Write> Tungstenite<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(WebSocket::from_raw_socket(stream, Role::Client, None))
    }
}

impl<S: Read + Write> Arm for Tungstenite<S> {
    fn drain(&mut self, until: u64) -> Tally {
        let mut seen = Tally::default();
        while seen.messages < until {
            let len = match self.0.read() {
                Ok(Message::Text(text)) => black_box(text.as_bytes()).len(),
                Ok(Message::Binary(bytes)) => black_box(&bytes[..]).len(),
                Ok(other) => panic!("tungstenite: {other:?}"),
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("tungstenite: {error}"),
            };
            seen += Tally { messages: 1, bytes: len as u64 };
        }
        seen
    }
}

#[cfg(feature = "peers")]
pub(crate) use boomnet_arm::Boomnet;

#[cfg(feature = "peers")]
mod boomnet_arm {
    use crate::arm::{Arm, Tally};
    use boomnet::stream::buffer::{BufferedStream, IntoBufferedStream as _};
    use boomnet::stream::{ConnectionInfo, ConnectionInfoProvider, ReadHint};
    use boomnet::ws::{Websocket, WebsocketFrame};
    use std::hint::black_box;
    use std::io::{self, Read, Write};

    /// A stream that is always worth a try, as its own TCP stream says of itself.
    pub(crate) struct Willing<S>(S, ConnectionInfo);

    /// Wanted by the buffering of writes, used by handshakes only.
    impl<S> ConnectionInfoProvider for Willing<S> {
        fn connection_info(&self) -> &ConnectionInfo {
            &self.1
        }
    }

    impl<S> ReadHint for Willing<S> {
        fn read_hint(&self) -> bool {
            true
        }
    }

    impl<S: Read> Read for Willing<S> {
        #[inline]
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl<S: Write> Write for Willing<S> {
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            self.0.write(from)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    /// Writes are buffered, as its documentation recommends.
    pub(crate) struct Boomnet<S>(pub(crate) Websocket<BufferedStream<Willing<S>>>);

    impl<S: Read + Write> Boomnet<S> {
        pub(crate) fn new(stream: S) -> Self {
            let stream = Willing(stream, ConnectionInfo::new("localhost", 0));
            Self(Websocket::new_with_handshake_complete(stream.into_default_buffered_stream()))
        }
    }

    impl<S: Read + Write> Arm for Boomnet<S> {
        fn drain(&mut self, until: u64) -> Tally {
            let mut seen = Tally::default();
            while seen.messages < until {
                let before = seen;
                for frame in self.0.read_batch().expect("an open connection") {
                    let (WebsocketFrame::Text(fin, payload)
                    | WebsocketFrame::Binary(fin, payload)
                    | WebsocketFrame::Continuation(fin, payload)) = frame.expect("valid frames")
                    else {
                        panic!("boomnet: a control frame")
                    };
                    seen += Tally { messages: u64::from(fin), bytes: black_box(payload).len() as u64 };
                }
                // A batch without frames is an empty stream or a part of a frame; the caller asks again.
                if seen == before {
                    break;
                }
            }
            seen
        }
    }
}
