//! In the place of `fetcher` without the feature `rest`: a type without values, so that no other file asks which it is.

use super::Answer;
use crate::proxy::Proxy;
use mio::event::Source;
use mio::{Interest, Registry, Token};
use rustls::pki_types::CertificateDer;
use std::convert::Infallible;
use std::io;

/// Nothing that could fetch.
#[derive(Debug)]
pub(crate) struct Fetcher(Infallible);

impl Fetcher {
    pub(crate) fn start(_: &[CertificateDer<'static>], _: Option<&Proxy>) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "documents over HTTP need the feature `rest`"))
    }

    pub(crate) fn get(&self, _: u64, _: &str) -> bool {
        match self.0 {}
    }

    pub(crate) fn answer(&mut self) -> Option<Answer> {
        match self.0 {}
    }
}

impl Source for Fetcher {
    fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        match self.0 {}
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        match self.0 {}
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        match self.0 {}
    }
}
