//! Proxies between us and a venue: which, and how to ask them for a way through.

mod connect;
mod environment;
mod socks;
mod tunnel;

pub(crate) use connect::basic;
pub(crate) use environment::for_endpoint;
pub(crate) use tunnel::Tunnel;

use percent_encoding::percent_decode_str;
use std::fmt;
use std::io;
use thiserror::Error;
use url::{Host, Url};

/// A proxy that takes connections further: by HTTP CONNECT (RFC 9110 9.3.6) or SOCKS5 (RFC 1928). It looks the venue's name
/// up itself; with TLS it sees nothing else of what is said.
///
/// ```
/// use tickwire::{Client, Proxy};
///
/// # fn main() -> Result<(), tickwire::Error> {
/// let proxy = Proxy::parse("socks5://user:password@proxy.example:1080")?;
/// let builder = Client::builder().proxy(proxy);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    protocol: Protocol,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http,
    Socks5,
}

#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    user: String,
    password: String,
}

/// What is wrong with the URL of a proxy. The URL itself is not shown: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// It is not a URL.
    #[error("{0}; expected http://host:port or socks5://host:port")]
    Malformed(#[from] url::ParseError),
    /// The scheme is not one of `http`, `socks5` and `socks5h`. TLS to the proxy itself is not supported.
    #[error("the scheme is not http or socks5")]
    Scheme,
    /// There is no host.
    #[error("there is no host")]
    NoHost,
    /// User and password have 255 bytes each at most and are UTF-8. For SOCKS neither is empty (RFC 1929 2), and for HTTP there
    /// is no colon in the user (RFC 7617 2).
    #[error("such a user or password cannot be shown to this proxy")]
    Credentials,
    /// A variable of the environment is not UTF-8.
    #[error("what the environment says is not UTF-8")]
    Encoding,
}

/// Why a proxy did not let us through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It wants credentials, or others than these: the caller's to mend.
    #[error("it does not take the credentials")]
    Credentials,
    /// HTTP: it answered with this status.
    #[error("it answered CONNECT with status {0}")]
    Status(u16),
    /// SOCKS5: it answered with this code (RFC 1928 6).
    #[error("{words} (SOCKS reply {0})", words = socks::words(*.0))]
    Reply(u8),
    /// The host's name is longer than SOCKS can tell, 255 bytes: the caller's to mend.
    #[error("the host's name is too long for SOCKS")]
    HostTooLong,
    /// It does not speak its protocol.
    #[error("it breaks the protocol: {0}")]
    Broken(&'static str),
    /// The operating system reported an error on the connection to it.
    #[error("connection lost: {0}")]
    Lost(io::ErrorKind),
    /// It did not answer in time.
    #[error("no answer in time")]
    Timeout,
}

impl Proxy {
    /// By a URL, `http://` or `socks5://` (`socks5h://` means the same here), with user and password or not. The port is 80 or
    /// 1080 if there is none.
    ///
    /// # Errors
    /// [`ProxyUrlError`].
    pub fn parse(text: &str) -> Result<Self, ProxyUrlError> {
        let url = Url::parse(text)?;
        let (protocol, port) = match url.scheme() {
            "http" => (Protocol::Http, 80),
            "socks5" | "socks5h" => (Protocol::Socks5, 1080),
            _ => return Err(ProxyUrlError::Scheme),
        };
        let host = match url.host().ok_or(ProxyUrlError::NoHost)? {
            Host::Ipv6(address) => address.to_string(),
            Host::Ipv4(address) => address.to_string(),
            Host::Domain(name) => name.to_owned(),
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let (user, password) = (decode(user)?, decode(password.unwrap_or_default())?);
                let can_be_shown = match protocol {
                    Protocol::Http => !user.contains(':'),
                    Protocol::Socks5 => !user.is_empty() && !password.is_empty(),
                };
                if !can_be_shown {
                    return Err(ProxyUrlError::Credentials);
                }
                Some(Credentials { user, password })
            }
        };
        Ok(Self { protocol, host, port: url.port().unwrap_or(port), credentials })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    #[cfg(feature = "rest")]
    pub(crate) fn is_socks(&self) -> bool {
        self.protocol == Protocol::Socks5
    }

    /// User and password.
    #[cfg(feature = "rest")]
    pub(crate) fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|Credentials { user, password }| (&**user, &**password))
    }
}

fn decode(text: &str) -> Result<String, ProxyUrlError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| ProxyUrlError::Credentials)?;
    if decoded.len() > socks::TEXT_BYTES_MAX {
        return Err(ProxyUrlError::Credentials);
    }
    Ok(decoded.into_owned())
}

impl fmt::Debug for Proxy {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_proxy() {
        let cases = [
            ("http://proxy.example:3128", Protocol::Http, "proxy.example", 3128),
            ("http://proxy.example/", Protocol::Http, "proxy.example", 80),
            ("socks5://10.0.0.1", Protocol::Socks5, "10.0.0.1", 1080),
            ("socks5h://[::1]:9050", Protocol::Socks5, "::1", 9050),
        ];
        for (url, protocol, host, port) in cases {
            let expected = Proxy { protocol, host: host.into(), port, credentials: None };
            assert_eq!(Proxy::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_not_shown() {
        let proxy = Proxy::parse("http://us%40er:p%3Ass@proxy.example:3128").unwrap();
        let Credentials { user, password } = proxy.credentials.clone().unwrap();
        assert_eq!((user.as_str(), password.as_str()), ("us@er", "p:ss"));
        assert!(!format!("{proxy:?}").contains("p:ss") && !format!("{proxy:?}").contains("us@er"));
        let long = "a".repeat(256);
        assert_eq!(Proxy::parse(&format!("http://{long}@a/")), Err(ProxyUrlError::Credentials));
        for url in ["http://%ff@a/", "http://us%3Aer:pass@a/", "socks5://user@a/", "socks5://:pass@a/"] {
            assert_eq!(Proxy::parse(url), Err(ProxyUrlError::Credentials), "{url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        assert_eq!(Proxy::parse("https://a/"), Err(ProxyUrlError::Scheme));
        assert_eq!(Proxy::parse("socks4://a/"), Err(ProxyUrlError::Scheme));
        assert!(matches!(Proxy::parse("a:b"), Err(ProxyUrlError::Scheme | ProxyUrlError::Malformed(_))));
        assert!(matches!(
            Proxy::parse("socks5://"),
            Err(ProxyUrlError::NoHost | ProxyUrlError::Malformed(_))
        ));
    }
}
