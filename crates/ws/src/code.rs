//! Close codes, RFC 6455 7.4.

use std::fmt;

/// A close code, RFC 6455 7.4.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: protocol error.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a kind of data that the endpoint does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a rule of the endpoint is broken (venues use it for rates and missing pongs).
    pub const POLICY: Self = Self(1008);
    /// 1009: message too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: the server met something unexpected.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the server restarts: connect again, not all at once.
    pub const RESTART: Self = Self(1012);
    /// 1013: the server is overloaded: connect again later.
    pub const TRY_LATER: Self = Self(1013);
    /// 1014: the server is a gateway and got a bad answer itself.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code, if it may stand in a Close frame: 1000-1003, 1007-1014 (IANA registry), 3000-4999.
    #[must_use]
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

/// What a Close frame is asked to say: a [`CloseCode`], or a number, which is checked then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseNumber(u16);

impl From<CloseCode> for CloseNumber {
    fn from(code: CloseCode) -> Self {
        Self(code.0)
    }
}

impl From<u16> for CloseNumber {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseNumber> for u16 {
    fn from(code: CloseNumber) -> Self {
        code.0
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
