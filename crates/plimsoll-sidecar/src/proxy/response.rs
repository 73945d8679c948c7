//! The head of a response: read, and written anew for the client.

use super::fields::{Fields, is_chunked, length, push_field};
use super::framing::Framing;
use super::request::{FIELDS_MAX, HEAD_MAX};
use std::mem::MaybeUninit;
use thiserror::Error;

/// A target answered with something that can't be passed on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct Garbage(pub(crate) &'static str);

/// What of a request says how its response is read and passed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) is_head: bool,
    pub(crate) upgrades: bool,
    /// Whether it is HTTP/1.0, which knows no chunks.
    pub(crate) is_old: bool,
    /// Whether the client may send another request after it.
    pub(crate) keeps_alive: bool,
}

/// A response whose head is there.
#[derive(Debug)]
pub(crate) struct Response {
    /// The head as the client is sent it.
    pub(crate) head: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    /// Whether the target takes another request after it.
    pub(crate) keeps_target: bool,
    /// Whether the client may send another one.
    pub(crate) keeps_client: bool,
}

impl Response {
    /// Says whether another response follows this one.
    pub(crate) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && !self.switches()
    }

    /// Says whether another protocol follows.
    pub(crate) fn switches(&self) -> bool {
        self.status == 101
    }

    /// Reads a head off the front of `bytes`; returns how long it is, or nothing while it isn't whole.
    pub(crate) fn read(bytes: &[u8], asked: Asked) -> Result<Option<(usize, Self)>, Garbage> {
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields);
        match status {
            Ok(httparse::Status::Complete(size)) if size <= HEAD_MAX => {
                Self::checked(&parsed, asked, size).map(|response| Some((size, response)))
            }
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => {
                Err(Garbage("the head of its response has more than 32 KiB or 128 fields"))
            }
            Err(_) => Err(Garbage("what it answers isn't HTTP")),
        }
    }

    fn checked(
        parsed: &httparse::Response<'_, '_>,
        asked: Asked,
        size: usize,
    ) -> Result<Self, Garbage> {
        let status = parsed.code.unwrap_or_default();
        let fields = Fields::of(parsed.headers);
        if status == 101 && !(asked.upgrades && fields.upgrades()) {
            return Err(Garbage("it changes to a protocol that nobody asked for"));
        }
        if status < 100 {
            return Err(Garbage("its status is below 100"));
        }
        let framing = framing(status, &fields, asked)?;
        let keeps_target = match parsed.version {
            Some(1) => !fields.closes,
            _ => fields.keeps_alive,
        } && framing != Framing::UntilClose
            && !asked.is_old;
        let keeps_client = asked.keeps_alive && framing != Framing::UntilClose;
        let mut head = Vec::with_capacity(size + 64);
        head.extend_from_slice(b"HTTP/1.1 ");
        head.extend_from_slice(&[b'0' + (status / 100) as u8]);
        head.extend_from_slice(&[
            b'0' + (status / 10 % 10) as u8,
            b'0' + (status % 10) as u8,
            b' ',
        ]);
        head.extend_from_slice(parsed.reason.unwrap_or_default().as_bytes());
        head.extend_from_slice(b"\r\n");
        for field in parsed.headers.iter().filter(|field| fields.passes(field.name)) {
            push_field(&mut head, field.name, field.value);
        }
        match fields.upgrade {
            Some(protocol) if status == 101 => {
                push_field(&mut head, "connection", b"upgrade");
                push_field(&mut head, "upgrade", protocol);
            }
            _ if !keeps_client && status >= 200 => push_field(&mut head, "connection", b"close"),
            _ => {}
        }
        head.extend_from_slice(b"\r\n");
        Ok(Self { head, status, framing, keeps_target, keeps_client })
    }
}

/// Says how far the body goes (RFC 9112, 6.3).
fn framing(status: u16, fields: &Fields<'_>, asked: Asked) -> Result<Framing, Garbage> {
    if asked.is_head || status < 200 || matches!(status, 204 | 304) {
        return Ok(Framing::Done);
    }
    match (fields.codings, fields.lengths) {
        (0, 0) => Ok(Framing::UntilClose),
        (0, 1) => length(fields.length)
            .map(Framing::length)
            .ok_or(Garbage("its Content-Length is no number")),
        (1, 0) if is_chunked(fields.coding) && !asked.is_old => Ok(Framing::chunked()),
        (0, _) => Err(Garbage("it has more than one Content-Length")),
        (_, 0) => Err(Garbage("its Transfer-Encoding isn't just chunked")),
        _ => Err(Garbage("it has both Content-Length and Transfer-Encoding")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Asked = Asked { is_head: false, upgrades: false, is_old: false, keeps_alive: true };

    fn read(text: &str, asked: Asked) -> Response {
        Response::read(text.as_bytes(), asked).unwrap().unwrap().1
    }

    #[test]
    fn the_body_goes_as_far_as_the_standard_says() {
        let until_close = read("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", GET);
        assert_eq!(until_close.framing, Framing::UntilClose);
        assert!(!until_close.keeps_client && !until_close.keeps_target);
        assert_eq!(until_close.head, b"HTTP/1.1 200 OK\r\nA: b\r\nconnection: close\r\n\r\n");
        let length = read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", GET);
        assert_eq!(length.framing, Framing::Length(3));
        assert!(length.keeps_client && length.keeps_target);
        let none = read("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", GET);
        assert_eq!(none.framing, Framing::Done);
        let head = Asked { is_head: true, ..GET };
        assert_eq!(
            read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", head).framing,
            Framing::Done
        );
        let chunked =
            read("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", GET);
        assert_eq!(chunked.framing, Framing::chunked());
        assert!(chunked.keeps_client && !chunked.keeps_target);
        assert!(!read("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", GET).keeps_target);
        // What was asked for in HTTP/1.0 ends with its connection.
        let old = Asked { is_old: true, ..GET };
        assert!(!read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", old).keeps_target);
    }

    #[test]
    fn garbage_is_not_passed_on() {
        for text in [
            "220 smtp ready\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "HTTP/1.1 099 Low\r\n\r\n",
        ] {
            assert!(Response::read(text.as_bytes(), GET).is_err(), "{text:?}");
        }
        assert!(matches!(Response::read(b"HTTP/1.1 20", GET), Ok(None)));
        let coded = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let switched = "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n";
        let (old, upgrading) = (Asked { is_old: true, ..GET }, Asked { upgrades: true, ..GET });
        for (text, asked) in [(coded, GET), (chunked, old), (switched, upgrading)] {
            assert!(Response::read(text.as_bytes(), asked).is_err(), "{text:?}");
        }
    }
}
