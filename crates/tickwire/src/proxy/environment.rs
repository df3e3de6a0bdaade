//! Which proxy the environment names, as curl and its like read it.

use super::{Proxy, ProxyUrlError};
use crate::endpoint::Endpoint;
use std::ffi::OsString;
use std::net::IpAddr;

/// The proxy for an endpoint by the variables that `get` knows.
pub(crate) fn for_endpoint(
    endpoint: &Endpoint,
    get: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Proxy>, ProxyUrlError> {
    let of_all = ["all_proxy", "ALL_PROXY"];
    let of_tls = ["https_proxy", "HTTPS_PROXY"].into_iter().filter(|_| endpoint.tls);
    let Some(text) = first(of_tls.chain(of_all), &get)? else { return Ok(None) };
    let exempt = first(["no_proxy", "NO_PROXY"], &get)?;
    if exempt.is_some_and(|list| is_exempt(&list, &endpoint.host, endpoint.port)) {
        return Ok(None);
    }
    let url = if text.contains("://") { text } else { format!("http://{text}") };
    Proxy::parse(&url).map(Some)
}

/// The first of these variables that says anything. One that cannot be read is no reason to do without a proxy.
fn first(
    names: impl IntoIterator<Item = &'static str>,
    get: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, ProxyUrlError> {
    for name in names {
        let Some(value) = get(name) else { continue };
        let value = value.into_string().map_err(|_| ProxyUrlError::Encoding)?;
        if !value.trim().is_empty() {
            return Ok(Some(value.trim().to_owned()));
        }
    }
    Ok(None)
}

/// Whether a list of names, addresses and networks has a host.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let mut entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    let address = host.parse::<IpAddr>();
    entries.any(|entry| match address {
        _ if entry == "*" => true,
        Ok(address) => matches_address(entry, address, port),
        Err(_) => matches_name(entry, host, port),
    })
}

/// Whether an entry is the address, with a port or not, or a network that has it.
fn matches_address(entry: &str, address: IpAddr, port: u16) -> bool {
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    if let Some((network, bits)) = entry.split_once('/') {
        let network = bare(network).zip(bits.parse().ok());
        return network.is_some_and(|(network, bits)| is_in_network(address, network, bits));
    }
    match (bare(entry), entry.rsplit_once(':')) {
        (Some(one), _) => one == address,
        (None, Some((one, of))) => bare(one) == Some(address) && of.parse() == Ok(port),
        (None, None) => false,
    }
}

/// Whether an entry is the name, or one above it, with a port or not.
fn matches_name(entry: &str, host: &str, port: u16) -> bool {
    let (name, is_port) = match entry.rsplit_once(':') {
        Some((name, of)) => (name, of.parse() == Ok(port)),
        None => (entry, true),
    };
    let name = name.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let rest = host.strip_suffix(&name);
    is_port && !name.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether the first bits of two addresses of one family are the same.
fn is_in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let differs = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            u128::from(address.to_bits() ^ network.to_bits()) << 96
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => address.to_bits() ^ network.to_bits(),
        _ => return false,
    };
    differs.leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let get = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).into());
        let proxy = for_endpoint(&Endpoint::parse(url).unwrap(), get).unwrap();
        proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
    }

    #[test]
    fn the_variable_of_the_scheme_goes_before_that_of_all() {
        let both = [("HTTPS_PROXY", "http://tls:1"), ("ALL_PROXY", "socks5://all:2")];
        assert_eq!(host_of("wss://a/", &both).as_deref(), Some("tls:1"));
        assert_eq!(host_of("ws://a/", &both).as_deref(), Some("all:2"));
        assert_eq!(host_of("wss://a/", &both[1..]).as_deref(), Some("all:2"));
        assert_eq!(host_of("wss://a/", &[]), None);
        let small = [("https_proxy", "small:3"), ("HTTPS_PROXY", "http://tls:1")];
        assert_eq!(host_of("wss://a/", &small).as_deref(), Some("small:3"));
        assert_eq!(
            host_of("wss://a/", &[("https_proxy", " "), ("ALL_PROXY", "all:2")]).as_deref(),
            Some("all:2")
        );
        let wrong = for_endpoint(&Endpoint::parse("ws://a/").unwrap(), |_| Some("ftp://a".into()));
        assert_eq!(wrong, Err(ProxyUrlError::Scheme));
        let unreadable = || std::os::unix::ffi::OsStringExt::from_vec(vec![0xff]);
        let wrong = for_endpoint(&Endpoint::parse("ws://a/").unwrap(), |_| Some(unreadable()));
        assert_eq!(wrong, Err(ProxyUrlError::Encoding));
    }

    #[test]
    fn hosts_are_exempt_by_name_address_and_network() {
        let rows = [
            ("*", "wss://venue.example/", true),
            ("venue.example", "wss://venue.example/", true),
            ("venue.example", "wss://stream.VENUE.example/", true),
            (".venue.example", "wss://venue.example/", true),
            ("venue.example", "wss://myvenue.example/", false),
            ("example.venue", "wss://venue.example/", false),
            ("a, venue.example:9443", "wss://venue.example:9443/", true),
            ("venue.example:9443", "wss://venue.example/", false),
            ("127.0.0.1", "wss://127.0.0.1:9443/", true),
            ("127.0.0.1:9443", "wss://127.0.0.1:9443/", true),
            ("127.0.0.1:9444", "wss://127.0.0.1:9443/", false),
            ("0.0.1", "wss://127.0.0.1/", false),
            ("10.0.0.0/8", "wss://10.200.3.4/", true),
            ("10.0.0.0/8", "wss://11.0.0.1/", false),
            ("0.0.0.0/0", "wss://11.0.0.1/", true),
            ("10.0.0.0/33", "wss://10.0.0.0/", false),
            ("fe80::/10", "wss://[fe81::1]/", true),
            ("fe80::/10", "wss://[fec0::1]/", false),
            ("::1", "wss://[::1]/", true),
            ("[::1]:443", "wss://[::1]/", true),
            ("::1", "wss://127.0.0.1/", false),
            (",, ,", "wss://a/", false),
        ];
        for (list, url, is_exempt) in rows {
            let proxy = host_of(url, &[("ALL_PROXY", "http://proxy:1"), ("NO_PROXY", list)]);
            assert_eq!(proxy.is_none(), is_exempt, "{list} {url}");
        }
    }
}
