//! Settings of a client, and the three ways to begin one.

use crate::client::Client;
use crate::clock;
use crate::dial::{DialTimeouts, Socket, Target, Way};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::proxy::{self, Proxy, ProxyUrlError};
use crate::tls::{self, TlsRecords};
use crate::transport::{Plain, Transport};
use crate::wait::WaitPolicy;
use crate::zero_copy::ZeroCopy;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
#[cfg(feature = "deflate")]
use tickwire_ws::Deflate;
use tickwire_ws::{Config, Connection, Limits, Request, Role, Timeouts};

/// Settings of a client. One builder can begin many clients.
///
/// ```no_run
/// # fn main() -> Result<(), tickwire::Error> {
/// let builder = tickwire::Client::builder().header("X-MBX-APIKEY", "key").wait_policy(tickwire::WaitPolicy::Spin);
/// let client = builder.connect("wss://stream.binance.com:9443/ws/btcusdt@trade")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Builder {
    config: Config,
    timeouts_are_set: bool,
    connect_timeout: Duration,
    wait_policy: WaitPolicy,
    local_address: Option<IpAddr>,
    host: Option<String>,
    address_offset: usize,
    kernel_timestamps: bool,
    zero_copy: Option<ZeroCopy>,
    proxy: Through,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    roots: Vec<CertificateDer<'static>>,
    tls: Option<Arc<ClientConfig>>,
    tls_records: TlsRecords,
    /// The configuration made from the roots, once it was needed: clients of one builder resume each other's sessions.
    made: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// Which proxy to connect through.
#[derive(Debug, Clone, Default)]
enum Through {
    #[default]
    None,
    Proxy(Proxy),
    /// The one that the environment names, if any.
    Environment,
}

impl Client {
    /// Settings other than the default ones.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Begins to connect to a `ws://` or `wss://` URL with default settings; see [`Builder::connect`].
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub fn connect(url: &str) -> Result<Self, Error> {
        Builder::default().connect(url)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            timeouts_are_set: false,
            connect_timeout: Duration::from_secs(10),
            wait_policy: WaitPolicy::default(),
            local_address: None,
            host: None,
            address_offset: 0,
            kernel_timestamps: false,
            zero_copy: None,
            proxy: Through::default(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            roots: Vec::new(),
            tls: None,
            tls_records: TlsRecords::default(),
            made: Arc::default(),
        }
    }
}

impl Builder {
    /// Every bound of the connection.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// How long the connection waits for its peer.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.config.timeouts = timeouts;
        self.timeouts_are_set = true;
        self
    }

    /// The same, unless somebody has said.
    pub(crate) fn usual_timeouts(mut self, timeouts: Timeouts) -> Self {
        if !self.timeouts_are_set {
            self.config.timeouts = timeouts;
        }
        self
    }

    /// Offers compression (RFC 7692). The server may decline: then the [`Response::extensions`](crate::ws::Response) of
    /// [`Event::Open`](crate::Event) are `None`. Not offered by default: it saves bandwidth and costs time. Of no effect on
    /// streams that somebody else has upgraded.
    ///
    /// ```
    /// use tickwire::{Client, Deflate};
    /// let builder = Client::builder().deflate(Deflate { server_no_context_takeover: true, ..Deflate::default() });
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: Deflate) -> Self {
        self.config.deflate = Some(deflate);
        self
    }

    /// The time for the name look-up, for connecting, over all addresses of the host, and for a proxy to let us through.
    /// Default 10 s. TLS and the
    /// WebSocket handshake fall under [`Timeouts::handshake`], which runs from the beginning.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How [`Client::wait`] and [`Feed::next`](crate::Feed::next) wait. Default [`WaitPolicy::Block`].
    #[must_use]
    pub fn wait_policy(mut self, policy: WaitPolicy) -> Self {
        self.wait_policy = policy;
        self
    }

    /// Connects from this address of the machine. Addresses of the other family are not tried then.
    #[must_use]
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// Connects to this host, with a port or not, instead of the one that the URL names.
    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Tries the addresses of a host from this one on, in a circle.
    pub(crate) fn address_offset(mut self, offset: usize) -> Self {
        self.address_offset = offset;
        self
    }

    /// Asks the kernel with each read when it got what it brings (Linux, `SO_TIMESTAMPNS`); [`Client::kernel_ns`] and
    /// [`Arrival::kernel_ns`](crate::Arrival::kernel_ns) tell it. Default off, since it makes a read a little slower
    /// (BENCHMARKS.md). Where the system has no such times, and on a stream of the caller's, they are `None`.
    ///
    /// ```
    /// let builder = tickwire::Client::builder().kernel_timestamps(true);
    /// ```
    #[must_use]
    pub fn kernel_timestamps(mut self, wanted: bool) -> Self {
        self.kernel_timestamps = wanted;
        self
    }

    /// Lets the kernel send payloads of [`Client::send_bytes`] from their own memory, which is kept until it tells that it has done
    /// with them: until the peer's system has acknowledged them. Pays for large payloads over a network card that can do it. Off
    /// by default, and off by itself for the rest of a connection once the kernel tells that it copies all the same, as it does
    /// on one machine. On Linux and `ws://` URLs only: of no effect with TLS, whose ciphertext is a copy anyway, on streams of the
    /// caller's, and elsewhere. [`Socket::zero_copy`] tells what became of it.
    ///
    /// - [`Client::flush`] is true only when nothing is lent any more, and a closing client waits for that, up to its close timer.
    ///   To drop a client before breaks its connection off (RST).
    /// - Each completion makes a poll report the socket. To a `Poll` of the caller's it looks like an error and the end of
    ///   writing (`is_error`, `is_write_closed`) on a connection that is well: go by what reading tells.
    #[must_use]
    pub fn zero_copy(mut self, zero_copy: ZeroCopy) -> Self {
        self.zero_copy = Some(zero_copy);
        self
    }

    /// Connects through a proxy, which looks the host up itself. Not in the way of a stream of the caller's.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Through::Proxy(proxy);
        self
    }

    /// Connects through the proxy that the environment names, if any: `HTTPS_PROXY` for `wss`, else `ALL_PROXY`, unless
    /// `NO_PROXY` has the host (names with what is below them, addresses, networks as `10.0.0.0/8`, `*`). Names in small
    /// letters go first, and a value without a scheme is an HTTP proxy. The environment is looked at for each connection,
    /// and not at all unless this is called.
    #[must_use]
    pub fn proxy_from_env(mut self) -> Self {
        self.proxy = Through::Environment;
        self
    }

    /// Shows a user and a password to the server (`Authorization: Basic`, RFC 7617), in place of what was to be shown before.
    /// Use it with `wss` only.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a user with a colon, of which a server could not tell where it ends.
    pub fn basic_auth(self, user: &str, password: &str) -> Result<Self, Error> {
        if user.contains(':') {
            return Err(Error::Misuse("a user name with a colon cannot be shown to a server"));
        }
        Ok(self.authorization(&proxy::basic(user, password)))
    }

    /// Shows a token to the server (`Authorization: Bearer`, RFC 6750), in place of what was to be shown before. Use it with
    /// `wss` only.
    #[must_use]
    pub fn bearer_auth(self, token: &str) -> Self {
        self.authorization(&format!("Bearer {token}"))
    }

    fn authorization(mut self, value: &str) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Authorization"));
        self.header("Authorization", value)
    }

    /// Adds a header field to the handshake. It is checked when a client begins.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Offers a subprotocol, the most wanted first. It is checked when a client begins.
    #[must_use]
    pub fn subprotocol(mut self, name: &str) -> Self {
        self.subprotocols.push(name.to_owned());
        self
    }

    /// Trusts the certificates of a PEM text in addition to the public web's roots. Excludes
    /// [`tls_config`](Self::tls_config), which has roots of its own.
    ///
    /// # Errors
    /// [`Error::TlsSettings`] when there is no certificate in it.
    pub fn extra_roots_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.roots.extend(tls::certificates(pem)?);
        self.made = Arc::default();
        Ok(self)
    }

    /// Uses a whole TLS configuration of the caller's instead of the built-in one. Excludes
    /// [`extra_roots_pem`](Self::extra_roots_pem).
    #[must_use]
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Who opens and seals the records of TLS. Default [`TlsRecords::Direct`].
    #[must_use]
    pub fn tls_records(mut self, records: TlsRecords) -> Self {
        self.tls_records = records;
        self
    }

    /// Begins to connect to a `ws://` or `wss://` URL. Returns at once: looking up, connecting and both handshakes go
    /// on while the client is waited for and read.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Request`], [`Error::Proxy`] and [`Error::TlsSettings`] for settings that cannot work,
    /// [`Error::Io`] when the system gives no descriptor or thread. What the network does is reported later.
    pub fn connect(&self, url: &str) -> Result<Client, Error> {
        let mut endpoint = Endpoint::parse(url)?;
        if let Some(host) = &self.host {
            endpoint = endpoint.at(host)?;
        }
        let request = self.request(&endpoint)?;
        let tls = if endpoint.tls { Some((self.tls()?, self.tls_records)) } else { None };
        let way = Way { local: self.local_address, offset: self.address_offset };
        let proxy = self.proxy_for(&endpoint)?;
        let target = Target {
            host: &endpoint.host,
            port: endpoint.port,
            proxy,
            way,
            tls,
            kernel_timestamps: self.kernel_timestamps,
            zero_copy: self.zero_copy.clone(),
        };
        let socket = Socket::dial(target, self.dial_timeouts())?;
        self.ask(socket, request)
    }

    /// Begins the WebSocket handshake for `url` over a nonblocking stream that is connected already. The stream is used
    /// as it is: where `url` says `wss`, it has to be a TLS session.
    ///
    /// # Errors
    /// [`Error::Url`] and [`Error::Request`].
    pub fn connect_over<S: Read + Write>(&self, stream: S, url: &str) -> Result<Client<Plain<S>>, Error> {
        self.connect_through(Plain(stream), url)
    }

    /// The same over a [`Transport`] of the caller's.
    ///
    /// # Errors
    /// [`Error::Url`] and [`Error::Request`].
    pub fn connect_through<T: Transport>(&self, transport: T, url: &str) -> Result<Client<T>, Error> {
        let request = self.request(&Endpoint::parse(url)?)?;
        self.ask(transport, request)
    }

    /// A client on a nonblocking stream that somebody else has upgraded. `leftover` is what was read behind the
    /// handshake's answer.
    ///
    /// # Errors
    /// As [`upgraded_through`](Self::upgraded_through).
    pub fn upgraded<S: Read + Write>(&self, stream: S, leftover: &[u8]) -> Result<Client<Plain<S>>, Error> {
        self.upgraded_through(Plain(stream), leftover)
    }

    /// The same over a [`Transport`] of the caller's.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has no randomness.
    pub fn upgraded_through<T: Transport>(
        &self,
        transport: T,
        mut leftover: &[u8],
    ) -> Result<Client<T>, Error> {
        let now = clock::now();
        let mut connection = Connection::upgraded(Role::Client, self.config.clone(), clock::seed()?, now);
        while !leftover.is_empty() {
            let count = connection.feed(leftover, now);
            leftover = leftover.get(count..).unwrap_or_default();
        }
        Ok(Client::new(transport, connection, self.wait_policy))
    }

    fn dial_timeouts(&self) -> DialTimeouts {
        let Timeouts { ping_after, pong, .. } = self.config.timeouts;
        // What a ping would find out, and a little more, so that the ping tells first.
        let unacknowledged = ping_after
            .map(|ping_after| ping_after.saturating_add(pong).saturating_add(Duration::from_secs(5)));
        DialTimeouts { connect: self.connect_timeout, unacknowledged }
    }

    fn proxy_for(&self, endpoint: &Endpoint) -> Result<Option<Proxy>, ProxyUrlError> {
        match &self.proxy {
            Through::None => Ok(None),
            Through::Proxy(proxy) => Ok(Some(proxy.clone())),
            Through::Environment => proxy::for_endpoint(endpoint, |name| std::env::var_os(name)),
        }
    }

    /// The proxy for a document at an `https://` or `http://` URL.
    pub(crate) fn proxy_of_document(&self, url: &str) -> Result<Option<Proxy>, Error> {
        match &self.proxy {
            Through::None => Ok(None),
            Through::Proxy(proxy) => Ok(Some(proxy.clone())),
            Through::Environment => {
                let (scheme, rest) = url.split_once("://").unwrap_or_default();
                let scheme = if scheme.eq_ignore_ascii_case("https") { "wss" } else { "ws" };
                Ok(self.proxy_for(&Endpoint::parse(&format!("{scheme}://{rest}"))?)?)
            }
        }
    }

    /// The certificates that are trusted besides the public web's.
    pub(crate) fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    pub(crate) fn policy(&self) -> WaitPolicy {
        self.wait_policy
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = &self.tls {
            if self.roots.is_empty() {
                return Ok(Arc::clone(config));
            }
            return Err(Error::TlsSettings(
                "extra roots belong into the TLS configuration when there is one".into(),
            ));
        }
        if let Some(config) = self.made.get() {
            return Ok(Arc::clone(config));
        }
        let config = tls::config(&self.roots)?;
        Ok(Arc::clone(self.made.get_or_init(|| config)))
    }

    fn ask<T: Transport>(&self, transport: T, request: Request) -> Result<Client<T>, Error> {
        let connection = Connection::client(request, self.config.clone(), clock::seed()?, clock::now());
        Ok(Client::new(transport, connection, self.wait_policy))
    }

    fn request(&self, endpoint: &Endpoint) -> Result<Request, Error> {
        let mut request = Request::new(&endpoint.authority, &endpoint.target)?;
        for (name, value) in &self.headers {
            request = request.header(name, value)?;
        }
        for name in &self.subprotocols {
            request = request.subprotocol(name)?;
        }
        Ok(request)
    }
}

impl std::fmt::Debug for Builder {
    /// Header values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("connect_timeout", &self.connect_timeout)
            .field("wait_policy", &self.wait_policy)
            .field("kernel_timestamps", &self.kernel_timestamps)
            .field("zero_copy", &self.zero_copy)
            .field("proxy", &self.proxy)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("subprotocols", &self.subprotocols)
            .field("tls_records", &self.tls_records)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_timeouts_are_not_too_long() {
        let longest = Duration::MAX;
        let timeouts =
            Timeouts { handshake: longest, ping_after: Some(longest), pong: longest, close: longest };
        let builder = Client::builder().timeouts(timeouts).connect_timeout(longest);
        let DialTimeouts { connect, unacknowledged } = builder.dial_timeouts();
        assert_eq!((connect, unacknowledged), (longest, Some(longest)));
        assert!(builder.connect("ws://127.0.0.1:1/").is_ok());
    }
}
