//! Where a request came from.

use axum::http::{Extensions, HeaderMap};
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The far end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address of whoever asks. A proxy on this machine (our own edge, or another) is believed the last name in its
/// `X-Forwarded-For`, which is the one that it wrote itself; from anywhere else that header is a claim and counts for nothing.
pub(crate) fn address(extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let Peer(peer) = extensions.get::<Peer>()?;
    let peer = peer.ip().to_canonical();
    if !peer.is_loopback() {
        return Some(peer);
    }
    let last = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|v| v.to_str().ok());
    let said = last.and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    Some(said.map_or(peer, |ip| ip.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_proxy_on_this_machine_is_believed_and_nobody_else() {
        let of = |peer: &str, forwarded: &[&'static str]| {
            let (mut extensions, mut headers) = (Extensions::new(), HeaderMap::new());
            extensions.insert(Peer(peer.parse().unwrap()));
            for f in forwarded {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(f));
            }
            address(&extensions, &headers).unwrap().to_string()
        };
        assert_eq!(of("192.0.2.7:1", &["203.0.113.1"]), "192.0.2.7");
        assert_eq!(of("127.0.0.1:1", &[]), "127.0.0.1");
        assert_eq!(of("127.0.0.1:1", &["10.0.0.1, 203.0.113.1"]), "203.0.113.1");
        assert_eq!(of("[::1]:1", &["10.0.0.1", "203.0.113.2"]), "203.0.113.2");
        assert_eq!(of("[::ffff:127.0.0.1]:1", &["nonsense"]), "127.0.0.1");
        assert_eq!(address(&Extensions::new(), &HeaderMap::new()), None);
    }
}
