//! WebSocket URLs, RFC 6455 3.

use thiserror::Error;
use url::{Host, Url};

/// What is wrong with a URL. The URL itself is not shown: it may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not a URL.
    #[error("{0}; expected ws://host/path or wss://host/path")]
    Malformed(#[from] url::ParseError),
    /// The scheme is neither `ws` nor `wss`.
    #[error("the scheme is {0:?}, expected ws or wss")]
    Scheme(String),
    /// There is no host.
    #[error("there is no host")]
    NoHost,
    /// RFC 6455 3: fragment identifiers have no meaning here.
    #[error("a fragment (#...) has no meaning in a WebSocket URL")]
    Fragment,
    /// User and password do not belong into the URL; send an `Authorization` header.
    #[error("user and password in the URL are not supported: send an Authorization header")]
    Credentials,
}

/// Where a URL leads.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) tls: bool,
    /// The host to look up and to verify, an IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of the `Host` field.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) target: String,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text)?;
        let tls = match url.scheme() {
            "ws" => false,
            "wss" => true,
            other => return Err(UrlError::Scheme(other.to_owned())),
        };
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let host = url.host().ok_or(UrlError::NoHost)?;
        let shown = host.to_string();
        let host = match host {
            Host::Ipv6(address) => address.to_string(),
            Host::Ipv4(_) | Host::Domain(_) => shown.clone(),
        };
        // The scheme's own port is not repeated in the Host field (RFC 9110 7.2); `Url` has dropped it already.
        let authority = url.port().map_or_else(|| shown.clone(), |port| format!("{shown}:{port}"));
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok(Self { tls, host, port: url.port().unwrap_or(if tls { 443 } else { 80 }), authority, target })
    }

    /// The same at another host, `name` or `name:port`.
    pub(crate) fn at(self, host: &str) -> Result<Self, UrlError> {
        let scheme = if self.tls { "wss" } else { "ws" };
        let other = Self::parse(&format!("{scheme}://{host}/"))?;
        Ok(Self { target: self.target, ..other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_where_the_rfc_says() {
        let cases = [
            ("ws://example.com", false, "example.com", 80, "example.com", "/"),
            ("wss://example.com/chat?x=1&y=%20", true, "example.com", 443, "example.com", "/chat?x=1&y=%20"),
            (
                "wss://stream.example:9443/ws/btcusdt@trade",
                true,
                "stream.example",
                9443,
                "stream.example:9443",
                "/ws/btcusdt@trade",
            ),
            ("ws://127.0.0.1:80/", false, "127.0.0.1", 80, "127.0.0.1", "/"),
            ("ws://[::1]:9001/", false, "::1", 9001, "[::1]:9001", "/"),
        ];
        for (text, tls, host, port, authority, target) in cases {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(
                (
                    endpoint.tls,
                    endpoint.host.as_str(),
                    endpoint.port,
                    endpoint.authority.as_str(),
                    endpoint.target.as_str()
                ),
                (tls, host, port, authority, target)
            );
        }
    }

    #[test]
    fn another_host_serves_the_same_target() {
        let endpoint =
            Endpoint::parse("wss://a.example:9443/stream?x=1").unwrap().at("b.example:444").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.tls), ("b.example", 444, true));
        assert_eq!((endpoint.authority.as_str(), endpoint.target.as_str()), ("b.example:444", "/stream?x=1"));
        assert!(Endpoint::parse("wss://a.example/").unwrap().at("b c").is_err());
    }

    #[test]
    fn what_is_no_websocket_url_is_refused_by_name() {
        let malformed = |text| matches!(Endpoint::parse(text), Err(UrlError::Malformed(_)));
        assert!(malformed("") && malformed("example.com") && malformed("ws://") && malformed("ws://a:99999"));
        assert_eq!(Endpoint::parse("http://a/").err(), Some(UrlError::Scheme("http".into())));
        assert_eq!(Endpoint::parse("ws://a/#x").err(), Some(UrlError::Fragment));
        assert_eq!(Endpoint::parse("ws://user:secret@a/").err(), Some(UrlError::Credentials));
    }
}
