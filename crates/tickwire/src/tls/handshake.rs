//! The handshake, which rustls does.

use super::buffer::Incoming;
use rustls::Error;
use rustls::client::UnbufferedClientConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, InsufficientSizeError, UnbufferedStatus};

/// How far the handshake has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More of the peer's bytes are needed.
    Blocked,
    /// The handshake is complete and all of ours is in `outgoing`.
    Done,
    /// It is complete, and the peer has said at once that nothing follows.
    Closed,
}

/// Takes what has arrived, appends what is to be sent. `early` is content that came with the end of the handshake.
pub(super) fn advance(
    connection: &mut UnbufferedClientConnection,
    incoming: &mut Incoming,
    outgoing: &mut Vec<u8>,
    early: &mut Vec<u8>,
) -> Result<Progress, Error> {
    let mut fault = None;
    loop {
        let UnbufferedStatus { discard, state, .. } = connection.process_tls_records(incoming.bytes_mut());
        let step = match state {
            Ok(state) => take(state, outgoing, early),
            // The alert that tells the peer is still to be encoded.
            Err(error) => {
                fault.get_or_insert(error);
                Step::Again
            }
        };
        incoming.consume(discard);
        match (step, &fault) {
            (_, Some(error)) if !connection.wants_write() => return Err(error.clone()),
            // Behind the handshake's last bytes the keys change hands, before any record that they are for is read.
            (Step::Again, None) if !connection.is_handshaking() && !connection.wants_write() => {
                return Ok(Progress::Done);
            }
            (Step::Again, _) => {}
            (Step::Blocked, _) => return Ok(Progress::Blocked),
            (Step::Done, _) => return Ok(Progress::Done),
            (Step::Closed, _) => return Ok(Progress::Closed),
        }
    }
}

enum Step {
    Again,
    Blocked,
    Done,
    Closed,
}

fn take<D>(state: ConnectionState<'_, '_, D>, outgoing: &mut Vec<u8>, early: &mut Vec<u8>) -> Step {
    match state {
        ConnectionState::EncodeTlsData(mut data) => {
            let start = outgoing.len();
            let encoded = match data.encode(&mut []) {
                Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                    outgoing.resize(start + required_size, 0);
                    data.encode(outgoing.get_mut(start..).unwrap_or_default())
                }
                encoded => encoded,
            };
            outgoing.truncate(start + encoded.unwrap_or(0));
            Step::Again
        }
        ConnectionState::TransmitTlsData(data) => {
            data.done();
            Step::Again
        }
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(Ok(record)) = traffic.next_record() {
                early.extend_from_slice(record.payload);
            }
            Step::Again
        }
        ConnectionState::WriteTraffic(_) => Step::Done,
        // rustls knows a goodbye only behind the handshake; before, it is an alert like any other.
        ConnectionState::PeerClosed | ConnectionState::Closed => Step::Closed,
        _ => Step::Blocked,
    }
}
