//! The fields of a head that matter to whoever passes it on.

use httparse::Header;
use plimsoll_model::TraceContext;

/// Fields for the next hop only, whatever `Connection` says (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
];

/// Fields that say how a message is read or who it is for, which `Connection` can't take away.
const KEPT: [&str; 3] = ["content-length", "host", "transfer-encoding"];

/// What the fields of one head say.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) hosts: usize,
    pub(crate) lengths: usize,
    pub(crate) length: &'a [u8],
    pub(crate) codings: usize,
    pub(crate) coding: &'a [u8],
    pub(crate) upgrade: Option<&'a [u8]>,
    pub(crate) trace: Option<TraceContext>,
    /// Whether `Connection` says `close`, `keep-alive` or `upgrade`.
    pub(crate) closes: bool,
    pub(crate) keeps_alive: bool,
    switches: bool,
    /// What else `Connection` names.
    named: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(fields: &[Header<'a>]) -> Self {
        let mut seen = Self::default();
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            // The length decides first: a comparison for each name and field would cost more than the rest.
            match field.name.len() {
                4 if is("host") => seen.hosts += 1,
                7 if is("upgrade") => seen.upgrade = Some(field.value),
                10 if is("connection") => seen.connection(field.value),
                11 if is("traceparent") => seen.trace = trace(field.value),
                14 if is("content-length") => {
                    seen.lengths += 1;
                    seen.length = field.value;
                }
                17 if is("transfer-encoding") => {
                    seen.codings += 1;
                    seen.coding = field.value;
                }
                _ => {}
            }
        }
        seen
    }

    fn connection(&mut self, value: &'a [u8]) {
        for option in std::str::from_utf8(value).unwrap_or_default().split(',') {
            let option = option.trim();
            match option {
                _ if option.eq_ignore_ascii_case("close") => self.closes = true,
                _ if option.eq_ignore_ascii_case("keep-alive") => self.keeps_alive = true,
                _ if option.eq_ignore_ascii_case("upgrade") => self.switches = true,
                _ => self.named.push(option),
            }
        }
    }

    /// Says whether another protocol is asked for, or agreed to. HTTP/2 isn't had that way any more.
    pub(crate) fn upgrades(&self) -> bool {
        self.switches && self.upgrade.is_some_and(|to| !to.eq_ignore_ascii_case(b"h2c"))
    }

    /// Says whether a field is passed on.
    pub(crate) fn passes(&self, name: &str) -> bool {
        let among = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        let is_short_lived = matches!(name.len(), 2 | 7 | 10 | 16 | 18 | 19) && among(&HOP_BY_HOP);
        !is_short_lived && (!among(&self.named) || among(&KEPT))
    }
}

/// Reads the value of `Content-Length`: digits and nothing else.
pub(crate) fn length(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

pub(crate) fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

pub(crate) fn push_field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

/// Reads `traceparent` (W3C Trace Context) of a trace that is kept.
pub(crate) fn trace(value: &[u8]) -> Option<TraceContext> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let [version] = hex::<1>(version)?;
    let [flags] = hex::<1>(flags)?;
    let has_more = parts.next().is_some();
    let (trace_id, span_id) = (hex::<16>(trace)?, hex::<8>(span)?);
    let is_valid =
        version != 0xff && (version > 0 || !has_more) && trace_id != [0; 16] && span_id != [0; 8];
    (is_valid && flags & 1 == 1).then_some(TraceContext { trace_id, span_id })
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks(2)) {
        for digit in digits {
            let digit = char::from(*digit);
            let is_lower = !digit.is_ascii_uppercase();
            *byte = *byte << 4 | digit.to_digit(16).filter(|_| is_lower)? as u8;
        }
    }
    Some(bytes)
}
