//! Reading `/proc` cheaply: paths are short because they start at a folder that is held open, and
//! one buffer serves every file.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, PROC_SUPER_MAGIC, RawDir, fstat, fstatfs, openat, readlinkat};
use rustix::io::{Errno, pread};
use std::borrow::Cow;
use std::path::Path;

/// More of a file isn't read; the longest that is read whole has some 6 KiB.
const FILE_LEN_MAX: usize = 16 * 1024;

/// More entries of a folder aren't listed.
const NUMBERS_MAX: usize = 131_072;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

/// Room for the text of one file.
#[derive(Debug)]
pub(super) struct Room(Vec<u8>);

impl Room {
    pub(super) fn new() -> Self {
        Self(vec![0; FILE_LEN_MAX])
    }

    /// Reads an open file from its begin, which makes the kernel write it anew.
    pub(super) fn read(&mut self, file: &OwnedFd) -> Result<Cow<'_, str>, Errno> {
        self.bytes(file).map(String::from_utf8_lossy)
    }

    /// Reads an open file as bytes.
    pub(super) fn bytes(&mut self, file: &OwnedFd) -> Result<&[u8], Errno> {
        let len = pread(file, &mut self.0[..], 0)?;
        Ok(self.0.get(..len).unwrap_or_default())
    }
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, path, flags, Mode::empty()).map(Self)
    }

    pub(super) fn folder(&self, name: &str) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.0, name, flags, Mode::empty()).map(Self)
    }

    pub(super) fn file(&self, name: &str) -> Result<OwnedFd, Errno> {
        // A file that is a pipe in a fixture must not hold up a look.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        openat(&self.0, name, flags, Mode::empty())
    }

    /// Reads a file, as far as there is room.
    pub(super) fn read<'r>(&self, name: &str, room: &'r mut Room) -> Result<Cow<'r, str>, Errno> {
        room.read(&self.file(name)?)
    }

    /// Returns where a link points.
    pub(super) fn link(&self, name: &str) -> Result<String, Errno> {
        let target = readlinkat(&self.0, name, Vec::new())?;
        Ok(target.to_string_lossy().into_owned())
    }

    /// Returns the entries that are numbers, in ascending order; of more than 131,072, so many.
    pub(super) fn numbers(&self) -> Result<Vec<u32>, Errno> {
        // A description of its own, so that the next listing starts at the begin again.
        let fresh = self.folder(".")?;
        let mut buffer = Vec::with_capacity(FILE_LEN_MAX);
        let mut entries = RawDir::new(fresh.0.as_fd(), buffer.spare_capacity_mut());
        let mut numbers = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_str().ok();
            if let Some(number) = name.and_then(|name| name.parse().ok()) {
                numbers.push(number);
                if numbers.len() == NUMBERS_MAX {
                    break;
                }
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Returns how many folders it holds without listing them, if its file system counts that.
    pub(super) fn folders(&self) -> Result<Option<u64>, Errno> {
        let links = fstat(&self.0)?.st_nlink;
        #[allow(clippy::useless_conversion, reason = "narrower on other processors")]
        Ok(u64::from(links).checked_sub(2).filter(|count| *count > 0))
    }

    /// Returns the number of its entries where the kernel tells it without listing them, which it does
    /// of `/proc/PID/fd` since Linux 6.2.
    pub(super) fn entries(&self) -> Result<Option<u64>, Errno> {
        if fstatfs(&self.0)?.f_type != PROC_SUPER_MAGIC {
            return Ok(None);
        }
        Ok(u64::try_from(fstat(&self.0)?.st_size).ok().filter(|count| *count > 0))
    }
}
