//! What stands in for permessage-deflate where the feature is off: types of which there is no value.

/// A wish for compression: there is none without the feature `deflate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deflate {}

/// What both sides are bound to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Agreement {}

/// Both directions of compression.
pub(crate) enum Codec {}

/// What compresses.
pub(crate) enum Deflater {}

pub(crate) const NAME: &str = "permessage-deflate";

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

/// Whether a list of extensions names any is all that matters.
pub(crate) fn extensions(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(',').filter(|extension| !extension.trim().is_empty()).map(|extension| (extension, ""))
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

    pub(crate) fn deflater(&mut self) -> Option<&mut Deflater> {
        match *self {}
    }
}

impl Deflater {
    pub(crate) fn push(&mut self, _: &[u8], _: bool) -> &[u8] {
        match *self {}
    }

    pub(crate) fn bytes_max(piece: usize) -> usize {
        piece
    }
}
