//! The system calls, by the kernel's Documentation/networking/msg_zerocopy.rst.

use mio::net::TcpStream;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::SetBool;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, send, setsockopt};
use std::os::fd::AsRawFd as _;

/// Of `linux/errqueue.h`; libc has no names for them.
const SO_EE_ORIGIN_ZEROCOPY: u8 = 5;
const SO_EE_CODE_ZEROCOPY_COPIED: u8 = 1;

/// `SO_ZEROCOPY`. nix has no name for it and a macro for such options, which holds the system call: none is ours.
#[derive(Clone)]
struct Allowed;
nix::setsockopt_impl!(Allowed, libc::SOL_SOCKET, libc::SO_ZEROCOPY, bool, SetBool);

/// Without this the kernel takes [`send_lent`] for a plain send and tells of no completion.
pub(super) fn allow(stream: &TcpStream) -> Result<(), Errno> {
    setsockopt(stream, Allowed, &true)
}

/// Sends from memory that must stay as it is until its completion. Each call that sends something has one, and no other.
pub(super) fn send_lent(stream: &TcpStream, bytes: &[u8]) -> Result<usize, Errno> {
    let flags = MsgFlags::from_bits_retain(libc::MSG_ZEROCOPY) | MsgFlags::MSG_NOSIGNAL;
    send(stream.as_raw_fd(), bytes, flags)
}

/// Sends whose memory the kernel does not read any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completion {
    /// The first and the last, by number.
    pub(super) low: u32,
    pub(super) high: u32,
    /// It was read at once, into a copy.
    pub(super) was_copied: bool,
}

/// Room for a completion, and for a timestamp and an address beside it.
pub(super) fn room() -> Vec<u8> {
    nix::cmsg_space!([u8; 256])
}

/// The next completion in the error queue of the socket; `None` when there is none for now.
pub(super) fn next_completion(stream: &TcpStream, room: &mut [u8]) -> Option<Completion> {
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    loop {
        let message = match recvmsg::<()>(stream.as_raw_fd(), &mut [], Some(&mut *room), flags) {
            Ok(message) => message,
            Err(Errno::EINTR) => continue,
            // Empty; what else it might be, the next read or write tells.
            Err(_) => return None,
        };
        if let Ok(mut entries) = message.cmsgs()
            && let Some(completion) = entries.find_map(completion)
        {
            return Some(completion);
        }
    }
}

fn completion(entry: ControlMessageOwned) -> Option<Completion> {
    let (ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _)) = &entry
    else {
        return None;
    };
    let is_completion = error.ee_origin == SO_EE_ORIGIN_ZEROCOPY && error.ee_errno == 0;
    is_completion.then_some(Completion {
        low: error.ee_info,
        high: error.ee_data,
        was_copied: error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED != 0,
    })
}
