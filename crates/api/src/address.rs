//! Who is calling, by address: the peer, or whom a proxy that is trusted names. What a client writes into a header never chooses its address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR};
use ipnet::IpNet;

use crate::door::Door;

/// How many proxies may stand one behind the other; whatever is named before the last of them is not looked at.
const HOPS_MAX: usize = 16;

/// How much of an IPv6 address tells one subscriber from another (RFC 6177): whoever has one address of a /64 has all of them.
const IPV6_PREFIX: u32 = 64;

/// The proxies that are believed when they name the client in `X-Forwarded-For`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// The address that a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl TrustedProxies {
    /// Whether `address` is that of a proxy.
    fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Who is calling, when `peer` sends `headers`: the right-most address that is no proxy's, as all to the left of it is what a stranger says. What is
    /// no address ends the search at the proxy that passed it on.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.holds(client) {
            return client;
        }
        let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).collect();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(HOPS_MAX) {
            let Some(address) = hop_address(hop) else { break };
            client = address;
            if !self.holds(client) {
                break;
            }
        }
        client
    }
}

impl FromStr for TrustedProxies {
    type Err = ();

    /// Addresses and networks, with commas between them: `127.0.0.1, 10.0.0.0/8, fd00::/8`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let nets = text.split(',').map(|part| {
            let part = part.trim();
            let address = || part.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
            part.parse().or_else(|_| address()).map_err(|_| ())
        });
        nets.collect::<Result<_, ()>>().map(Self)
    }
}

impl ClientAddress {
    /// Of `request`.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        // Every connection has a peer; a request that was made without one, in a test of a route, has the address of nobody.
        let peer = request
            .peer_addr()
            .map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        Self(Door::of(request).proxies.client(peer, request.headers()))
    }

    /// What tells clients apart that are counted by address: the whole of IPv4, the network of IPv6.
    pub(crate) fn counted(self) -> u128 {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits() & (u128::MAX << (u128::BITS - IPV6_PREFIX)),
        }
    }
}

/// The address in one entry of the header, with or without brackets and a port.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let address = text.parse().ok().or_else(with_port).or_else(bare);
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(proxies: &str, peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).expect("a header"));
        }
        let proxies: TrustedProxies = proxies.parse().expect("proxies");
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    const PROXIES: &str = "10.0.0.0/8, ::1, 127.0.0.1";

    #[test]
    fn a_peer_that_is_no_proxy_is_the_client_whatever_it_says() {
        for line in [&b"1.2.3.4"[..], b"10.0.0.1", b"127.0.0.1", b"garbage", b""] {
            assert_eq!(client(PROXIES, "203.0.113.9", &[line]), "203.0.113.9");
        }
        let nobody = TrustedProxies::default();
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("1.2.3.4"));
        assert_eq!(nobody.client(Ipv4Addr::LOCALHOST.into(), &headers), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn behind_proxies_the_client_is_the_right_most_that_is_none() {
        let of = |lines: &[&[u8]]| client(PROXIES, "10.0.0.1", lines);
        assert_eq!(of(&[]), "10.0.0.1");
        assert_eq!(of(&[b"203.0.113.9"]), "203.0.113.9");
        assert_eq!(of(&[b"1.1.1.1, 203.0.113.9 ,10.0.0.2"]), "203.0.113.9");
        assert_eq!(of(&[b"1.1.1.1", b"203.0.113.9", b"10.0.0.2,10.0.0.3"]), "203.0.113.9");
        assert_eq!(of(&[b"10.0.0.3, 10.0.0.2"]), "10.0.0.3", "a request of a proxy itself");
    }

    #[test]
    fn an_entry_may_have_brackets_and_a_port() {
        for (entry, address) in [
            (&b"203.0.113.9:4711"[..], "203.0.113.9"),
            (b"[2001:db8::9]:4711", "2001:db8::9"),
            (b"[2001:db8::9]", "2001:db8::9"),
            (b"2001:db8::9", "2001:db8::9"),
            (b"::ffff:203.0.113.9", "203.0.113.9"),
            (b"\t203.0.113.9 ", "203.0.113.9"),
        ] {
            assert_eq!(client(PROXIES, "::1", &[entry]), address);
        }
        assert_eq!(client(PROXIES, "::ffff:10.0.0.1", &[b"203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn what_is_no_address_ends_the_search_at_the_proxy_that_passed_it_on() {
        for garbage in [
            &b"unknown"[..],
            b"",
            b"_hidden",
            b"203.0.113.9.",
            b"[203.0.113.9",
            b"203.0.113.9:99999",
            b"for=203.0.113.9",
            b"\xff\xfe",
            &[b'9'; 10_000],
            &[b','; 10_000],
        ] {
            let line = [&b"203.0.113.9,"[..], garbage, b",10.0.0.2"].concat();
            assert_eq!(client(PROXIES, "10.0.0.1", &[&line]), "10.0.0.2");
        }
    }

    #[test]
    fn so_many_proxies_are_looked_through_and_no_more() {
        let behind = |proxies: usize| {
            let line = ["203.0.113.9", ",10.0.0.2".repeat(proxies).as_str()].concat();
            client(PROXIES, "10.0.0.1", &[line.as_bytes()])
        };
        assert_eq!(behind(HOPS_MAX - 1), "203.0.113.9");
        assert_eq!(behind(HOPS_MAX), "10.0.0.2");
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.0/8,", "10.0.0.0/8 ::1", "example.org"] {
            assert_eq!(bad.parse::<TrustedProxies>(), Err(()), "{bad}");
        }
        assert_eq!("::ffff:10.0.0.1".parse::<TrustedProxies>(), "10.0.0.1".parse());
    }

    #[test]
    fn an_ipv6_address_counts_by_its_network_and_an_ipv4_address_by_itself() {
        let counted = |text: &str| ClientAddress(text.parse().expect("an address")).counted();
        assert_eq!(counted("2001:db8:0:1::1"), counted("2001:db8:0:1:ffff::2"));
        assert_ne!(counted("2001:db8:0:1::1"), counted("2001:db8:0:2::1"));
        assert_ne!(counted("203.0.113.9"), counted("203.0.113.8"));
        assert_eq!(counted("203.0.113.9"), counted("::ffff:203.0.113.9"));
    }
}
