//! Why a frame is refused. It is always the venue that is to blame.

/// What is wrong with a frame. Parts and fields have the names of the venue's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The frame ends too early.
    #[error("the frame ends inside {0}")]
    Truncated(&'static str),
    /// The frame is not of the market data schema.
    #[error("schema id {0} is not that of market data")]
    UnknownSchema(u16),
    /// A block is too short for the fields that every version of the schema has.
    #[error("{length} bytes are too few for {part}")]
    BlockTooShort {
        /// Whose block it is.
        part: &'static str,
        /// The length that the frame gives it.
        length: u16,
    },
    /// A number means nothing, or cannot be held.
    #[error("{field} {fault}")]
    Value {
        /// Which number.
        field: &'static str,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A diff whose first update comes after its last.
    #[error("firstBookUpdateId {first_id} is above lastBookUpdateId {last_id}")]
    Backwards {
        /// The first update id.
        first_id: u64,
        /// The last update id.
        last_id: u64,
    },
    /// The symbol is not text.
    #[error("the symbol is not UTF-8")]
    SymbolNotUtf8,
    /// Something stands after the symbol, which ends every message.
    #[error("{bytes} bytes stand after the symbol")]
    Trailing {
        /// How many bytes.
        bytes: usize,
    },
}

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is null where there has to be one.
    #[error("is null")]
    Null,
    /// It is below zero.
    #[error("is negative")]
    Negative,
    /// A [`Decimal`](crate::Decimal), or 64 bits of nanoseconds, cannot hold it exactly.
    #[error("cannot be held exactly")]
    OutOfRange,
    /// It is neither 0 nor 1.
    #[error("is not a boolean")]
    NotBoolean,
}
