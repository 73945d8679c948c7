use crate::tree::BYTES_MAX;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file's text, and of one that is too large only so much that [`crate::Document::parse`]
/// refuses it.
///
/// # Errors
/// The file can't be opened or read, or isn't UTF-8.
pub fn load(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let limit = BYTES_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > BYTES_MAX {
        // The cut may have gone through a character.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "is not UTF-8"))
}
