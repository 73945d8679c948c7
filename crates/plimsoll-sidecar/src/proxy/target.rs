use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What a proxy stands in front of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) protocol: Protocol,
    /// Host and port; a name is looked up at each connection.
    pub(crate) authority: String,
}

/// What is spoken to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, or HTTP/2 without TLS when the client begins with it.
    Http,
    /// Bytes.
    Tcp,
}

/// A text isn't a target.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum TargetError {
    #[error(
        "has a scheme that isn't http or tcp: TLS isn't spoken; put the proxy behind what ends it"
    )]
    Scheme,
    #[error("isn't HOST:PORT, as 127.0.0.1:8080 or [::1]:8080")]
    Authority,
    #[error("has a path: give scheme, host and port only")]
    Path,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (protocol, authority) = match text.split_once("://") {
            Some(("http", rest)) => (Protocol::Http, rest.strip_suffix('/').unwrap_or(rest)),
            Some(("tcp", rest)) => (Protocol::Tcp, rest),
            Some(_) => return Err(TargetError::Scheme),
            None => (Protocol::Http, text),
        };
        if authority.contains('/') {
            return Err(TargetError::Path);
        }
        let (host, port) = authority.rsplit_once(':').ok_or(TargetError::Authority)?;
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let is_host = !host.is_empty() && (is_bracketed || !host.contains([':', '@', ' ']));
        if !is_host || port.parse::<u16>().map_or(true, |port| port == 0) {
            return Err(TargetError::Authority);
        }
        Ok(Self { protocol, authority: authority.into() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_scheme_a_host_and_a_port() {
        let http =
            |authority: &str| Target { protocol: Protocol::Http, authority: authority.into() };
        assert_eq!("shop:80".parse(), Ok(http("shop:80")));
        assert_eq!("http://shop:80/".parse(), Ok(http("shop:80")));
        assert_eq!("[::1]:80".parse(), Ok(http("[::1]:80")));
        let tcp = Target { protocol: Protocol::Tcp, authority: "[::1]:80".into() };
        assert_eq!("tcp://[::1]:80".parse(), Ok(tcp));
        let fault = |text: &str| text.parse::<Target>().unwrap_err();
        assert_eq!(fault("https://shop:443"), TargetError::Scheme);
        assert_eq!(fault("http://shop:80/a"), TargetError::Path);
        for text in ["shop", ":80", "shop:0", "shop:x", "::1:80", "user@shop:80", ""] {
            assert_eq!(fault(text), TargetError::Authority, "{text}");
        }
    }
}
