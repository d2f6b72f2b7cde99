//! Where a request came from.

use axum::http::{Extensions, HeaderMap};
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The far end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) at: SocketAddr,
    /// The file says that a proxy on this machine stands in front.
    pub(crate) behind_proxy: bool,
}

/// The address of whoever asks. Where the file says so, a proxy on this machine is believed the last name in its `X-Forwarded-For`, which is
/// the one that it wrote itself.
///
/// Threat: whoever may choose the address that they are counted by is never slowed down, and writes it into the journal. So nobody is believed
/// unasked, and never a machine elsewhere.
pub(crate) fn address(extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let Peer { at, behind_proxy } = extensions.get::<Peer>()?;
    let peer = at.ip().to_canonical();
    if !behind_proxy || !peer.is_loopback() {
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
    fn a_proxy_on_this_machine_is_believed_where_the_file_says_so_and_nobody_else() {
        let of = |peer: &str, forwarded: &[&'static str], behind_proxy| {
            let (mut extensions, mut headers) = (Extensions::new(), HeaderMap::new());
            extensions.insert(Peer { at: peer.parse().unwrap(), behind_proxy });
            for f in forwarded {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(f));
            }
            address(&extensions, &headers).unwrap().to_string()
        };
        assert_eq!(of("192.0.2.7:1", &["203.0.113.1"], true), "192.0.2.7");
        assert_eq!(of("127.0.0.1:1", &["203.0.113.1"], false), "127.0.0.1");
        assert_eq!(of("127.0.0.1:1", &[], true), "127.0.0.1");
        assert_eq!(of("127.0.0.1:1", &["10.0.0.1, 203.0.113.1"], true), "203.0.113.1");
        assert_eq!(of("[::1]:1", &["10.0.0.1", "203.0.113.2"], true), "203.0.113.2");
        assert_eq!(of("[::ffff:127.0.0.1]:1", &["nonsense"], true), "127.0.0.1");
        assert_eq!(address(&Extensions::new(), &HeaderMap::new()), None);
    }
}
