//! Where the system has no such sends: there is no such stream.

use super::settings::{ZeroCopy, ZeroCopyStats};
use crate::tcp::Tcp;
use crate::transport::Transport;
use std::io;

#[derive(Debug)]
pub(crate) enum Stream {}

impl Stream {
    pub(crate) fn new(stream: Tcp, _: &ZeroCopy) -> Result<Self, Tcp> {
        Err(stream)
    }

    pub(crate) fn tcp(&self) -> &Tcp {
        match *self {}
    }

    pub(crate) fn tcp_mut(&mut self) -> &mut Tcp {
        match *self {}
    }

    pub(crate) fn stats(&self) -> ZeroCopyStats {
        match *self {}
    }
}

impl Transport for Stream {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match *self {}
    }

    fn shutdown(&mut self) {
        match *self {}
    }
}
