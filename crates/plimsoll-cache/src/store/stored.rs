/// A value that goes to another process as bytes.
///
/// Strings and bytes do. For a type of your own, two lines with the format that you use:
///
/// ```
/// # struct Price(u64);
/// impl plimsoll_cache::Stored for Price {
///     fn to_bytes(&self) -> Vec<u8> { self.0.to_be_bytes().to_vec() }
///     fn from_bytes(bytes: &[u8]) -> Option<Self> { Some(Self(u64::from_be_bytes(bytes.try_into().ok()?))) }
/// }
/// ```
pub trait Stored: Sized {
    /// Writes the value.
    fn to_bytes(&self) -> Vec<u8>;

    /// Reads a value; `None` when the bytes are none, as those of another version of the program.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl Stored for Vec<u8> {
    fn to_bytes(&self) -> Vec<u8> {
        self.clone()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

impl Stored for String {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_utf8(bytes.to_vec()).ok()
    }
}
