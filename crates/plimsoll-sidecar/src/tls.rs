//! What to do when a server isn't trusted.

/// Returns what to do about a failure whose words are these; none if it isn't one of trust.
pub(crate) fn advice(failure: &str) -> Option<&'static str> {
    let advice = [
        ("UnknownIssuer", "name the authority that signed its certificate with `ca_file`"),
        ("BadSignature", "name the authority that signed its certificate with `ca_file`"),
        ("certificate expired", "renew the server's certificate"),
        ("not valid for name", "address it by a name that stands in its certificate"),
        ("NotValidForName", "address it by a name that stands in its certificate"),
    ];
    advice.into_iter().find(|(word, _)| failure.contains(word)).map(|(_, advice)| advice)
}

/// Returns a failure with what to do about it, if that is known.
pub(crate) fn advised(failure: impl std::fmt::Display) -> String {
    let failure = failure.to_string();
    match advice(&failure) {
        Some(advice) => format!("{failure}; {advice}"),
        None => failure,
    }
}
