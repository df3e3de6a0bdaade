//! Which proxy the environment names, as curl and its like read it.

use super::{Proxy, ProxyUrlError};
use crate::endpoint::Endpoint;
use std::net::IpAddr;

/// The proxy for an endpoint by the variables that `get` knows.
pub(crate) fn for_endpoint(
    endpoint: &Endpoint,
    get: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ProxyUrlError> {
    let get = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    };
    let of_tls = endpoint.tls.then(|| get(&["https_proxy", "HTTPS_PROXY"])).flatten();
    let Some(text) = of_tls.or_else(|| get(&["all_proxy", "ALL_PROXY"])) else { return Ok(None) };
    if get(&["no_proxy", "NO_PROXY"]).is_some_and(|list| is_exempt(&list, &endpoint.host, endpoint.port)) {
        return Ok(None);
    }
    let url = if text.contains("://") { text } else { format!("http://{text}") };
    Proxy::parse(&url).map(Some)
}

/// Whether a list of names, addresses and networks has a host.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| entry == "*" || matches_entry(entry, host, port))
}

fn matches_entry(entry: &str, host: &str, port: u16) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        return match (entry.split_once('/'), bare(entry), entry.rsplit_once(':')) {
            (Some((network, bits)), ..) => bare(network)
                .is_some_and(|network| bits.parse().is_ok_and(|bits| is_in_network(address, network, bits))),
            (None, Some(one), _) => one == address,
            (None, None, Some((one, of))) => bare(one) == Some(address) && of.parse() == Ok(port),
            (None, None, None) => false,
        };
    }
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
        let get =
            |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
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
        assert_eq!(wrong, Err(ProxyUrlError::Scheme("ftp".into())));
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
