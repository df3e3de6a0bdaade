//! What stands in for permessage-deflate where the feature is off: types of which there is no value.

/// A wish for compression; there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deflate {}

/// What both sides are bound to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Agreement {}

/// Both directions of compression.
pub(crate) enum Codec {}

/// Why a compressed message cannot be inflated.
#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "there is no value of it")]
pub(crate) enum Flaw {
    Corrupt,
    TooLong,
}

pub(crate) fn offer(wanted: &Deflate) -> String {
    match *wanted {}
}

pub(crate) fn accept(wanted: &Deflate, _: &str) -> Option<Agreement> {
    match *wanted {}
}

pub(crate) fn choose(wanted: &Deflate, _: &str) -> Option<(Agreement, String)> {
    match *wanted {}
}

impl Codec {
    pub(crate) fn new(_: &Deflate, agreement: Agreement, _: bool) -> Self {
        match agreement {}
    }

    pub(crate) fn inflate(&mut self, _: &[u8], _: usize) -> Result<(), Flaw> {
        match *self {}
    }

    pub(crate) fn finish(&mut self, _: usize) -> Result<(), Flaw> {
        match *self {}
    }

    pub(crate) fn inflated(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) fn release(&mut self) {
        match *self {}
    }

    pub(crate) fn compresses(&self) -> bool {
        match *self {}
    }

    pub(crate) fn compress(&mut self, _: &[u8], _: bool) -> usize {
        match *self {}
    }

    pub(crate) fn compressed(&self) -> &[u8] {
        match *self {}
    }
}
