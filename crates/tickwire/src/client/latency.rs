//! What a client knows of the time that its messages took.

use super::Client;
#[cfg(feature = "stages")]
use crate::stages::Stages;
use crate::transport::Transport;

impl<T: Transport> Client<T> {
    /// When the kernel got the message that was handed out last, in nanoseconds since the Unix epoch by the machine's wall
    /// clock; `None` unless it was [asked for](crate::Builder::kernel_timestamps), and where the system does not tell.
    ///
    /// To be exact, it is the time of the last packet of the read that completed the message, under TLS of the read that
    /// completed its last record: it is the same for all messages of one read, and the first bytes of a message may have
    /// come before. It is taken when the packet comes into the network stack, before any wait in the socket: a message
    /// that waited there for the program shows that wait. Packets that wait there together may be joined by the kernel,
    /// and then bear the time of the last of them. A kernel begins to note times when the first socket asks for them, and
    /// a moment later: the first messages of a program may have none.
    #[must_use]
    pub fn kernel_ns(&self) -> Option<u64> {
        self.transport.kernel_ns()
    }

    /// How long the messages took in each stage, those that were taken from this client itself: a feed has its
    /// [own](crate::Feed::stages) of all its clients.
    #[cfg(feature = "stages")]
    pub fn stages(&mut self) -> &Stages {
        self.laps.stages()
    }
}

#[cfg(test)]
#[cfg(feature = "stages")]
mod tests {
    use super::*;
    use crate::builder::Builder;
    use crate::clock::{self, fake};
    use std::collections::VecDeque;
    use std::io;
    use std::time::Instant;

    /// Packets that have lain in the socket for 200 ns, are read in 100 and opened in 60. A packet comes out as several
    /// reads if it is too long for one.
    #[derive(Default)]
    struct Slow {
        packets: VecDeque<Vec<u8>>,
        unopened: Vec<u8>,
        /// How much is opened at once.
        room: usize,
        read_at: Option<Instant>,
        kernel_ns: Option<u64>,
    }

    impl Transport for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.unopened.is_empty() {
                self.unopened = self.packets.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
                self.kernel_ns = Some(clock::unix_ns() - 200);
                fake::pass(100);
                self.read_at = Some(clock::now());
            }
            fake::pass(60);
            let part: Vec<u8> = self.unopened.drain(..self.room.min(self.unopened.len())).collect();
            into[..part.len()].copy_from_slice(&part);
            Ok(part.len())
        }
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            Ok(from.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn shutdown(&mut self) {}
        fn kernel_ns(&self) -> Option<u64> {
            self.kernel_ns
        }
        fn read_at(&self) -> Option<Instant> {
            self.read_at
        }
    }

    /// What the stages took of the messages `a`, `bb` and `ccc`, in packets of so many bytes, opened in parts, by a caller
    /// who takes 40 ns for each. In ascending order; from 256 on the histogram knows pairs only, and tells the upper.
    fn spans(packet: usize, room: usize) -> Vec<(&'static str, Vec<u64>)> {
        fake::start();
        let packets = b"\x81\x01a\x81\x02bb\x81\x03ccc".chunks(packet).map(<[u8]>::to_vec).collect();
        let slow = Slow { packets, room, ..Slow::default() };
        let mut client = Builder::default().upgraded_through(slow, b"").unwrap();
        for len in 1..=3 {
            assert_eq!(client.next_message().unwrap().unwrap().bytes.len(), len);
            fake::pass(40);
        }
        let values = |spans: &crate::Histogram<u64>| {
            let values = spans
                .iter_recorded()
                .flat_map(|at| (0..at.count_since_last_iteration()).map(move |_| at.value_iterated_to()));
            values.collect()
        };
        client.stages().in_order().map(|(name, spans)| (name, values(spans))).to_vec()
    }

    #[test]
    fn messages_of_one_read_wait_for_their_turn_and_share_what_came_before() {
        assert_eq!(
            spans(usize::MAX, usize::MAX),
            [
                ("read", vec![301, 301, 301]),
                ("decrypted", vec![60; 3]),
                ("queued", vec![0, 40, 80]),
                ("parsed", vec![0; 3]),
                ("decoded", vec![]),
                ("delivered", vec![]),
            ]
        );
    }

    #[test]
    fn messages_of_reads_of_their_own_wait_for_nobody() {
        for (packet, room) in [(1, 1), (3, usize::MAX)] {
            let spans = spans(packet, room);
            assert_eq!(spans[1..3], [("decrypted", vec![60; 3]), ("queued", vec![0; 3])], "{packet}");
        }
    }

    #[test]
    fn what_waits_unopened_waits_in_the_queue() {
        // Of 3, 4 and 5 bytes the second is opened in two parts; each waits for those before and for the caller.
        assert_eq!(
            spans(usize::MAX, 3)[1..3],
            [("decrypted", vec![60, 60, 120]), ("queued", vec![0, 60 + 40, 60 + 40 + 120 + 40 + 1])]
        );
    }
}
