//! What the address of a connection is worth. That of a proxy says nothing of who is behind it; and a browser near by
//! carries to us what some page far away wants, with the page's name on it.

use super::proxies::MARKS;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// What browsers add and no program of a grid does.
const BROWSER: [&str; 2] = ["origin", "sec-fetch-site"];

/// Whether a request came by way of a proxy. What one says that is believed has been taken out.
pub(crate) fn is_proxied(headers: &HeaderMap) -> bool {
    MARKS.iter().any(|mark| headers.contains_key(mark))
}

/// Whether the address that a request comes from is not that of its maker: a proxy's, or that of a browser in which some
/// page made it.
pub(crate) fn is_relayed(headers: &HeaderMap) -> bool {
    is_proxied(headers) || BROWSER.iter().any(|name| headers.contains_key(*name))
}

/// Whether a request calls this process by a name that only those who mean it use: an address, a name without a dot, or
/// one of its own (host names, or base URLs with one). A page far away can have its own name lead here (DNS rebinding);
/// what a browser asks for then it takes for that page's, and the page may read it.
pub fn calls_us(headers: &HeaderMap, own: &[impl AsRef<str>]) -> bool {
    let mut named = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        // Browsers name one.
        return headers.get(header::HOST).is_none();
    };
    let Ok(host) = host.to_str() else { return false };
    let host = bare(host);
    let ours = own.iter().any(|own| {
        let own = own.as_ref();
        let own = own.split_once("://").map_or(own, |(_, rest)| rest);
        bare(own.split('/').next().unwrap_or_default()).eq_ignore_ascii_case(host)
    });
    ours || host.parse::<IpAddr>().is_ok() || !host.contains('.') || host.ends_with(".localhost")
}

/// Without the port, and without brackets and the final dot.
fn bare(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.split(':').next().unwrap_or_default().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_name_that_leads_here_is_not_ours_for_that() {
        let own = ["http://grid.example.org:8002/", "10.0.0.1"];
        for (host, calls) in [
            ("127.0.0.1:8003", true),
            ("[::1]:8003", true),
            ("[::1]", true),
            ("203.0.113.7", true),
            ("localhost:8003", true),
            ("grid", true),
            ("a.localhost:1", true),
            ("grid.example.org:8003", true),
            ("GRID.example.ORG.", true),
            ("evil.example.com:8003", false),
            ("grid.example.org.evil.example.com", false),
            ("127.0.0.1.nip.example.com", false),
            ("localhost.evil.example.com", false),
            ("\u{ff}", false),
        ] {
            let headers: HeaderMap =
                [(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap())].into_iter().collect();
            assert_eq!(calls_us(&headers, &own), calls, "{host}");
        }
        assert!(calls_us(&HeaderMap::new(), &own));
        assert!(!calls_us(&headers(&[("host", "127.0.0.1"), ("host", "evil.example.com")]), &own));
    }

    #[test]
    fn what_was_relayed_shows_it() {
        for (name, proxied, relayed) in [
            ("x-forwarded-for", true, true),
            ("via", true, true),
            ("x-real-ip", true, true),
            ("origin", false, true),
            ("sec-fetch-site", false, true),
            ("user-agent", false, false),
        ] {
            let headers = headers(&[(name, "x")]);
            assert_eq!((is_proxied(&headers), is_relayed(&headers)), (proxied, relayed), "{name}");
        }
    }
}
