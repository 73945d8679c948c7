//! The head of a request: read strictly, written anew for the target.

use super::fields::{Fields, is_chunked, length, push_field};
use super::framing::Framing;
use super::method::Method;
use plimsoll_model::TraceContext;
use std::mem::MaybeUninit;
use thiserror::Error;

/// Bytes that a head may have.
pub(crate) const HEAD_MAX: usize = 32 * 1_024;

/// Fields that a head may have.
pub(crate) const FIELDS_MAX: usize = 128;

/// A request that isn't passed on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("its head has more than 32 KiB or 128 fields")]
    TooLarge,
    #[error("its head didn't come in time")]
    Slow,
    #[error("{0}")]
    Unsupported(&'static str),
}

impl Refusal {
    /// Returns the status that says so, and its phrase.
    pub(crate) fn status(self) -> (u16, &'static str) {
        match self {
            Self::Malformed(_) => (400, "Bad Request"),
            Self::TooLarge => (431, "Request Header Fields Too Large"),
            Self::Slow => (408, "Request Timeout"),
            Self::Unsupported(_) => (501, "Not Implemented"),
        }
    }
}

/// A request whose head is there.
#[derive(Debug)]
pub(crate) struct Request {
    /// The head as the target is sent it.
    pub(crate) head: Vec<u8>,
    pub(crate) framing: Framing,
    pub(crate) method: Method,
    /// Whether the client wants to send another one after it.
    pub(crate) keeps_alive: bool,
    /// Whether the client speaks HTTP/1.0, which knows no chunks.
    pub(crate) is_old: bool,
    /// Whether it asks for another protocol.
    pub(crate) upgrades: bool,
    pub(crate) trace: Option<TraceContext>,
}

impl Request {
    /// Reads a head off the front of `bytes`; returns how long it is, or nothing while it isn't whole.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<(usize, Self)>, Refusal> {
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut parsed = httparse::Request::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_request_with_uninit_headers(&mut parsed, bytes, &mut fields);
        let size = match status {
            Ok(httparse::Status::Complete(size)) if size <= HEAD_MAX => size,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLarge),
            Err(httparse::Error::Version) => {
                return Err(Refusal::Malformed("it is neither HTTP/1.1 nor HTTP/1.0"));
            }
            Err(_) => return Err(Refusal::Malformed("its head isn't as RFC 9112 wants it")),
        };
        if has_bare_line_feed(&bytes[..size]) {
            return Err(Refusal::Malformed("a line of its head ends without a CR"));
        }
        Self::checked(&parsed, size).map(|request| Some((size, request)))
    }

    fn checked(parsed: &httparse::Request<'_, '_>, size: usize) -> Result<Self, Refusal> {
        let (Some(method), Some(path)) = (parsed.method, parsed.path) else {
            return Err(Refusal::Malformed("it has no method or no target"));
        };
        let is_old = parsed.version == Some(0);
        let fields = Fields::of(parsed.headers);
        let framing = framing(&fields, is_old)?;
        let target = Target::of(method, path)?;
        if fields.hosts > 1 || (fields.hosts == 0 && !is_old) {
            return Err(Refusal::Malformed("it has no field Host, or more than one"));
        }
        let upgrades = fields.upgrades() && !is_old;
        let mut head = Vec::with_capacity(size + 32);
        for part in [method.as_bytes(), b" ", target.path.as_bytes()] {
            head.extend_from_slice(part);
        }
        head.extend_from_slice(if is_old { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\n" });
        if let Some(authority) = target.authority {
            push_field(&mut head, "host", authority.as_bytes());
        }
        for field in parsed.headers.iter().filter(|field| fields.passes(field.name)) {
            if target.authority.is_none() || !field.name.eq_ignore_ascii_case("host") {
                push_field(&mut head, field.name, field.value);
            }
        }
        if let Some(protocol) = fields.upgrade.filter(|_| upgrades) {
            push_field(&mut head, "connection", b"upgrade");
            push_field(&mut head, "upgrade", protocol);
        }
        head.extend_from_slice(b"\r\n");
        Ok(Self {
            head,
            framing,
            method: Method::of(method),
            keeps_alive: !is_old && !fields.closes,
            is_old,
            upgrades,
            trace: fields.trace,
        })
    }
}

/// A target in one of the forms that a server has to take.
struct Target<'a> {
    path: &'a str,
    authority: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn of(method: &str, path: &'a str) -> Result<Self, Refusal> {
        if method == "CONNECT" {
            return Err(Refusal::Unsupported(
                "it asks for a tunnel, which only forward proxies make",
            ));
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::Malformed("its target has bytes that a URI can't have"));
        }
        if path.starts_with('/') || (path == "*" && method == "OPTIONS") {
            return Ok(Self { path, authority: None });
        }
        let rest = match path.split_at_checked("http://".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http://") => rest,
            _ => return Err(Refusal::Malformed("its target is neither a path nor an http URI")),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() || path.starts_with('?') {
            return Err(Refusal::Malformed("its target is an URI without a host or a path"));
        }
        Ok(Self { path: if path.is_empty() { "/" } else { path }, authority: Some(authority) })
    }
}

/// Says how far the body goes, where everybody would say the same.
fn framing(fields: &Fields<'_>, is_old: bool) -> Result<Framing, Refusal> {
    match (fields.codings, fields.lengths) {
        (0, 0) => Ok(Framing::Done),
        (0, 1) => length(fields.length)
            .map(Framing::length)
            .ok_or(Refusal::Malformed("its Content-Length is no number")),
        (0, _) => Err(Refusal::Malformed("it has more than one Content-Length")),
        (_, 1..) => Err(Refusal::Malformed("it has both Content-Length and Transfer-Encoding")),
        _ if is_old => Err(Refusal::Malformed("HTTP/1.0 has no Transfer-Encoding")),
        (1, _) if is_chunked(fields.coding) => Ok(Framing::chunked()),
        _ => Err(Refusal::Unsupported("its Transfer-Encoding isn't just chunked")),
    }
}

/// Says whether a line ends with LF alone, which the parser lets pass.
fn has_bare_line_feed(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|at| at == 0 || head.get(at - 1) != Some(&b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Request, Refusal> {
        let (size, request) = Request::read(text.as_bytes())?.expect("a whole head");
        assert_eq!(size, text.find("\r\n\r\n").unwrap() + 4);
        Ok(request)
    }

    fn sent(text: &str) -> String {
        String::from_utf8(read(text).unwrap().head).unwrap()
    }

    #[test]
    fn what_is_for_the_next_hop_only_is_not_passed_on() {
        let head = sent(
            "GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Own, host\r\nX-Own: 1\r\n\
             Keep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nAccept: */*\r\n\r\n",
        );
        assert_eq!(head, "GET /a?b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n");
        // Who takes away how far the body goes makes the target read it as the next request.
        for framing in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
            let name = framing.split(':').next().unwrap();
            let head = sent(&format!(
                "POST / HTTP/1.1\r\nHost: x\r\nConnection: {name}\r\n{framing}\r\n\r\n"
            ));
            assert!(head.contains(&format!("{framing}\r\n")), "{head}");
        }
    }

    #[test]
    fn a_client_that_ends_or_is_old_sends_no_other_request() {
        let keeps = |line: &str, field: &str| {
            read(&format!("GET / {line}\r\nHost: x\r\n{field}\r\n")).unwrap().keeps_alive
        };
        assert!(keeps("HTTP/1.1", ""));
        assert!(!keeps("HTTP/1.1", "Connection: a, Close\r\n"));
        assert!(!keeps("HTTP/1.0", "") && !keeps("HTTP/1.0", "Connection: keep-alive\r\n"));
    }

    #[test]
    fn an_upgrade_is_asked_for_again() {
        let text = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let expected =
            "GET / HTTP/1.1\r\nHost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        assert_eq!(sent(text), expected);
        assert!(read(text).unwrap().upgrades);
        assert!(!read("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n").unwrap().upgrades);
        for other in [text.replace("HTTP/1.1", "HTTP/1.0"), text.replace("websocket", "h2c")] {
            assert!(!read(&other).unwrap().upgrades, "{other}");
            assert!(!sent(&other).to_lowercase().contains("upgrade"), "{other}");
        }
    }

    #[test]
    fn an_absolute_target_says_which_host() {
        let text = "GET http://a:1/b?c HTTP/1.1\r\nHost: other\r\nA: b\r\n\r\n";
        assert_eq!(sent(text), "GET /b?c HTTP/1.1\r\nhost: a:1\r\nA: b\r\n\r\n");
        assert!(sent("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("OPTIONS * HTTP/1.1"));
    }

    #[test]
    fn a_trace_is_known_when_it_is_kept() {
        let with = |parent: &str| {
            read(&format!("GET / HTTP/1.1\r\nHost: x\r\ntraceparent: {parent}\r\n\r\n"))
                .unwrap()
                .trace
        };
        let trace = with("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        assert_eq!(trace.trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.span_id_text(), "b7ad6b7169203331");
        for none in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "rubbish",
        ] {
            assert_eq!(with(none), None, "{none}");
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        let malformed = [
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
            "GET / HTTP/1.2\r\nHost: x\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET http://a?b HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n",
            "\u{1}\r\n\r\n",
        ];
        for text in malformed {
            let refused = Request::read(text.as_bytes());
            assert!(matches!(refused, Err(Refusal::Malformed(_))), "{text:?}: {refused:?}");
        }
        let coded = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        let twice = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n";
        for text in [coded, twice, "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"] {
            assert!(matches!(read(text), Err(Refusal::Unsupported(_))), "{text:?}");
        }
    }

    #[test]
    fn a_head_has_a_bound() {
        let endless = format!("GET /{} ", "a".repeat(HEAD_MAX));
        assert_eq!(Request::read(endless.as_bytes()).unwrap_err(), Refusal::TooLarge);
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(FIELDS_MAX));
        assert_eq!(Request::read(many.as_bytes()).unwrap_err(), Refusal::TooLarge);
        assert!(matches!(Request::read(b"GET / HTTP/1.1\r\nHost"), Ok(None)));
    }
}
