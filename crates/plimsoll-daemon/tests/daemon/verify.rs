/// Says whether a webhook's body was signed with `secret` within five minutes of `now_s`.
fn verify(secret: &[u8], timestamp: &str, signature: &str, body: &[u8], now_s: u64) -> bool {
    let is_fresh = timestamp.parse::<u64>().is_ok_and(|at_s| at_s.abs_diff(now_s) <= 300);
    let hex = signature.strip_prefix("sha256=").unwrap_or_default().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let Some(tag) = hex.chunks(2).map(byte).collect::<Option<Vec<u8>>>() else { return false };
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    is_fresh && ring::hmac::verify(&key, &[timestamp.as_bytes(), b".", body].concat(), &tag).is_ok()
}
