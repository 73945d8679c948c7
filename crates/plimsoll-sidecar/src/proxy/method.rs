/// A method that the conventions know, or any other word: a client may send what it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Method(&'static str);

impl Method {
    pub(crate) fn of(method: &str) -> Self {
        const KNOWN: [&str; 10] = [
            "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY",
        ];
        Self(KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER"))
    }

    pub(crate) fn name(self) -> &'static str {
        self.0
    }

    pub(crate) fn is_head(self) -> bool {
        self.0 == "HEAD"
    }

    /// Says whether it may be sent twice (RFC 9110, 9.2.2).
    pub(crate) fn is_idempotent(self) -> bool {
        matches!(self.0, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" | "QUERY")
    }
}
