//! A connected socket, whose reads may bring the kernel's time of what they brought.

use crate::stages::ReadMark;
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

/// A TCP connection, and what is known of its latest read.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
    /// If they are wanted.
    stamps: Option<Stamps>,
    mark: ReadMark,
}

impl Tcp {
    /// A stream as it is, or one that asks the kernel for the times of what it reads.
    pub(crate) fn new(stream: TcpStream, kernel_timestamps: bool) -> Self {
        let stamps = if kernel_timestamps { Stamps::begin(&stream) } else { None };
        Self { stream, stamps, mark: ReadMark::new() }
    }

    /// When the kernel got the last packet of the latest read.
    pub(crate) fn kernel_ns(&self) -> Option<u64> {
        self.stamps.as_ref().and_then(Stamps::latest_ns)
    }

    #[cfg(feature = "stages")]
    pub(crate) fn mark(&self) -> ReadMark {
        self.mark
    }

    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Nothing more will be written.
    pub(crate) fn shut(&self) {
        // It fails only when the peer is gone, and then there is nobody to tell.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Read for Tcp {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.stamps {
            None => self.stream.read(into),
            Some(stamps) => stamps.read(&self.stream, into),
        }?;
        self.mark.returned();
        Ok(count)
    }
}

impl Write for Tcp {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.write(from)
    }

    /// What rustls writes with: several records at once.
    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Source for Tcp {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.stream.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.stream.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.stream.deregister(registry)
    }
}

#[cfg(target_os = "linux")]
use linux::Stamps;

#[cfg(target_os = "linux")]
mod linux {
    use mio::net::TcpStream;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns};
    use nix::sys::time::TimeSpec;
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd as _;

    /// The kernel's times (socket(7), `SO_TIMESTAMPNS`), which come beside the bytes of `recvmsg`.
    #[derive(Debug)]
    pub(crate) struct Stamps {
        /// Room for one.
        control: Vec<u8>,
        latest_ns: Option<u64>,
    }

    impl Stamps {
        /// None on a system that calls itself Linux and does not know the option.
        pub(crate) fn begin(stream: &TcpStream) -> Option<Self> {
            setsockopt(stream, ReceiveTimestampns, &true).ok()?;
            Some(Self { control: nix::cmsg_space!(TimeSpec), latest_ns: None })
        }

        pub(crate) fn latest_ns(&self) -> Option<u64> {
            self.latest_ns
        }

        pub(crate) fn read(&mut self, stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
            let (count, stamp) = stream.try_io(|| receive(stream, into, &mut self.control))?;
            // Packets that came before the option was set have none.
            self.latest_ns = stamp;
            Ok(count)
        }
    }

    /// Reads once: how much, and when the last of it came.
    fn receive(stream: &TcpStream, into: &mut [u8], control: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
        let mut parts = [IoSliceMut::new(into)];
        let received = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(control), MsgFlags::empty())?;
        let stamp = |message| match message {
            ControlMessageOwned::ScmTimestampns(time) => unix_ns(time),
            _ => None,
        };
        // The bytes are taken already, whatever stands beside them.
        Ok((received.bytes, received.cmsgs().ok().and_then(|mut messages| messages.find_map(stamp))))
    }

    fn unix_ns(time: TimeSpec) -> Option<u64> {
        let seconds = u64::try_from(time.tv_sec()).ok()?;
        seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(time.tv_nsec()).ok()?)
    }
}

/// Where the kernel has no such times.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
enum Stamps {}

#[cfg(not(target_os = "linux"))]
impl Stamps {
    fn begin(_: &TcpStream) -> Option<Self> {
        None
    }

    fn latest_ns(&self) -> Option<u64> {
        match *self {}
    }

    fn read(&mut self, _: &TcpStream, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn records_that_are_handed_over_together_are_written_together() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut tcp = Tcp::new(TcpStream::from_std(stream), false);
        let count = tcp.write_vectored(&[IoSlice::new(b"one"), IoSlice::new(b"three")]).unwrap();
        assert_eq!(count, 8);
        drop(tcp);
        let mut received = String::new();
        listener.accept().unwrap().0.read_to_string(&mut received).unwrap();
        assert_eq!(received, "onethree");
    }
}
