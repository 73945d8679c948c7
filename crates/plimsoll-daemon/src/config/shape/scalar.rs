//! Values of one line: each parser says what is wrong with a text.

pub(super) use plimsoll_servers::prober::some_length;

use plimsoll_spec::Length;
use reqwest::Url;
use std::net::SocketAddr;
use std::time::Duration;

/// The shortest interval that the engine keeps in step with.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

pub(super) fn any(_: &str) -> Result<(), String> {
    Ok(())
}

pub(super) fn any_name(name: &str) -> Result<(), String> {
    if name.is_empty() { Err("the name is empty".into()) } else { Ok(()) }
}

pub(super) fn listen(text: &str) -> Result<(), String> {
    text.parse::<SocketAddr>()
        .map(drop)
        .map_err(|_| "must be an IP address and a port, as 127.0.0.1:9797 or [::1]:9797".into())
}

pub(super) fn web_url(text: &str) -> Result<(), String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err("must be a URL that begins with http:// or https://".into()),
    }
}

pub(super) fn scheme(text: &str) -> Result<(), String> {
    if matches!(text, "http" | "https") { Ok(()) } else { Err("must be http or https".into()) }
}

pub(super) fn path(text: &str) -> Result<(), String> {
    if text.starts_with('/') && !text.contains(['?', '#']) {
        return Ok(());
    }
    Err("must be a path that begins with / and has no ? or #: queries go under params".into())
}

pub(super) fn target(text: &str) -> Result<(), String> {
    let fits = !text.contains(['/', '?', '#', '@', ' '])
        && Url::parse(&format!("http://{text}/")).is_ok_and(|url| url.has_host());
    if fits {
        Ok(())
    } else {
        Err("must be HOST:PORT; scheme and path have keys of their own".into())
    }
}

/// A file of target groups, as Prometheus takes it.
pub(super) fn pattern(text: &str) -> Result<(), String> {
    let folder = text.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_known = [".json", ".yml", ".yaml"].iter().any(|end| text.ends_with(end));
    if is_known && !folder.contains(['*', '?', '[']) {
        return Ok(());
    }
    Err("must end in .json, .yml or .yaml, with wildcards in the file's name alone".into())
}

pub(super) fn dns_type(text: &str) -> Result<(), String> {
    match text {
        "SRV" | "A" | "AAAA" => Ok(()),
        "MX" | "NS" => Err("isn't supported: use SRV, A or AAAA".into()),
        _ => Err("must be SRV, A or AAAA".into()),
    }
}

pub(super) fn api_version(text: &str) -> Result<(), String> {
    if text == "v2" { Ok(()) } else { Err("only v2 is spoken".into()) }
}

pub(super) fn interval(text: &str) -> Result<(), String> {
    some_length(text)?;
    match text.parse::<Length>() {
        Ok(length) if length.0 < INTERVAL_MIN => Err("must be at least 100ms".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_a_port_and_nothing_else() {
        for good in ["127.0.0.1:8080", "[::1]:8080", "checkout.prod:80", "checkout"] {
            assert_eq!(target(good), Ok(()), "{good}");
        }
        for bad in ["http://a:80", "a:80/metrics", "a:99999", "", "user@a:80", "a b:80"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
