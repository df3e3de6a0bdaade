//! What became of a request.

/// A document, or none, for the request with this number.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) id: u64,
    pub(crate) document: Option<Document>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) used_weight: Option<u64>,
    pub(crate) body: Vec<u8>,
}
