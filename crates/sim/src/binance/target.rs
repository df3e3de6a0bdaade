//! What the request line of a handshake asks for.

use crate::binance::names::{STREAMS_MAX, is_well_formed};

/// What a connection is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Market streams, subscribed to these from the start.
    Streams { combined: bool, streams: Vec<String> },
    /// The WebSocket API.
    Api { rate_limits: bool },
}

/// Why a handshake is refused: HTTP status and JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Refusal {
    fn new(status: u16, message: &str) -> Self {
        Self { status, body: format!(r#"{{"code":-1,"msg":"{message}"}}"#) }
    }
}

impl Target {
    /// Reads path and query, which may be percent-encoded.
    pub(crate) fn parse(path: &str, query: &str) -> Result<Self, Refusal> {
        let bad_escape = || Refusal::new(400, "The request target is not valid percent-encoded UTF-8.");
        let path = decode(path).ok_or_else(bad_escape)?;
        let query = decode(query).ok_or_else(bad_escape)?;
        let parameters = || query.split('&').filter(|pair| !pair.is_empty());
        match path.as_str() {
            "/ws-api/v3" => Self::api(parameters()),
            "/stream" => {
                let mut listed = "";
                for pair in parameters() {
                    listed = pair.strip_prefix("streams=").ok_or_else(unknown_parameter)?;
                }
                Self::streams(true, listed)
            }
            _ => {
                let Some(listed) = path.strip_prefix("/ws") else {
                    return Err(not_found());
                };
                if !listed.is_empty() && !listed.starts_with('/') {
                    return Err(not_found());
                }
                if parameters().next().is_some() {
                    return Err(unknown_parameter());
                }
                Self::streams(false, listed)
            }
        }
    }

    fn api<'a>(parameters: impl Iterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut rate_limits = true;
        for pair in parameters {
            rate_limits = match pair {
                "returnRateLimits=true" => true,
                "returnRateLimits=false" => false,
                _ => return Err(unknown_parameter()),
            };
        }
        Ok(Self::Api { rate_limits })
    }

    fn streams(combined: bool, listed: &str) -> Result<Self, Refusal> {
        let streams: Vec<_> = listed.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if streams.len() > STREAMS_MAX {
            return Err(Refusal::new(400, "Too many streams."));
        }
        if !streams.iter().all(|name| is_well_formed(name)) {
            return Err(Refusal::new(400, "Invalid stream."));
        }
        Ok(Self::Streams { combined, streams })
    }
}

fn not_found() -> Refusal {
    Refusal::new(404, "Not found.")
}

fn unknown_parameter() -> Refusal {
    Refusal::new(400, "Unknown query parameter.")
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(combined: bool, names: &[&str]) -> Result<Target, Refusal> {
        Ok(Target::Streams { combined, streams: names.iter().map(ToString::to_string).collect() })
    }

    #[test]
    fn documented_paths_are_understood() {
        assert_eq!(Target::parse("/ws", ""), streams(false, &[]));
        assert_eq!(Target::parse("/ws/a@trade/b@depth", ""), streams(false, &["a@trade", "b@depth"]));
        assert_eq!(Target::parse("/ws/a%40trade", ""), streams(false, &["a@trade"]));
        assert_eq!(Target::parse("/stream", ""), streams(true, &[]));
        assert_eq!(
            Target::parse("/stream", "streams=a@trade/b@depth"),
            streams(true, &["a@trade", "b@depth"])
        );
        assert_eq!(Target::parse("/ws-api/v3", ""), Ok(Target::Api { rate_limits: true }));
        let quiet = Target::parse("/ws-api/v3", "returnRateLimits=false");
        assert_eq!(quiet, Ok(Target::Api { rate_limits: false }));
    }

    #[test]
    fn anything_else_is_refused() {
        let status = |path, query| Target::parse(path, query).expect_err(path).status;
        assert_eq!(status("/", ""), 404);
        assert_eq!(status("/wsx", ""), 404);
        assert_eq!(status("/ws-api/v2", ""), 404);
        assert_eq!(status("/ws", "a@trade"), 400);
        assert_eq!(status("/ws/a%4", ""), 400);
        assert_eq!(status("/ws/nonsense", ""), 400);
        assert_eq!(status("/stream", "timeUnit=MICROSECOND"), 400);
    }
}
