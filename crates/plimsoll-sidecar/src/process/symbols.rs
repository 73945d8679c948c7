//! Names of functions and locks: which file is mapped at an address, and which symbol of it is there.
//!
//! A file is read through once, piece by piece, for the one address: nothing of it is kept.

use super::folder::Folder;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, pread};

/// More text of `maps` isn't read.
const MAPS_LEN_MAX: usize = 1 << 20;

/// More symbols of a file aren't looked at.
const SYMBOLS_MAX: u64 = 1 << 20;

/// Symbols that are read at a time.
const PIECE: u64 = 2_048;

/// The size of a symbol in a file.
const SYMBOL_LEN: u64 = 24;

const SYMBOL_TABLE: u32 = 2;
const DYNAMIC_SYMBOLS: u32 = 11;

/// Files whose functions are in the way: what waits inside them is no news.
const LIBRARIES: [&str; 6] = ["libc.", "libc-", "libpthread", "ld-linux", "ld-musl", "linux-gate"];

/// Where the files of a process are mapped.
#[derive(Debug, Default)]
pub(super) struct Maps(Vec<Mapping>);

#[derive(Debug, PartialEq)]
struct Mapping {
    begin: u64,
    end: u64,
    offset: u64,
    is_code: bool,
    path: String,
}

/// A symbol, and how far behind its begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    symbol: String,
    file: String,
    behind: u64,
}

impl Place {
    /// Writes it as people do.
    pub(super) fn text(&self) -> String {
        if self.symbol.is_empty() {
            format!("{}+{:#x}", self.file, self.behind)
        } else if self.behind == 0 {
            self.symbol.clone()
        } else {
            format!("{}+{:#x}", self.symbol, self.behind)
        }
    }
}

impl Maps {
    /// Reads the mappings of files.
    pub(super) fn read(process: &Folder) -> Result<Self, Errno> {
        let file = process.file("maps")?;
        let mut text = vec![0; MAPS_LEN_MAX];
        let mut len = 0;
        while let Some(rest) = text.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match pread(&file, rest, len as u64)? {
                0 => break,
                more => len += more,
            }
        }
        let text = String::from_utf8_lossy(text.get(..len).unwrap_or_default());
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut mappings: Vec<Mapping> = Vec::new();
        for mut mapping in text.lines().filter_map(mapping) {
            if mapping.path.is_empty() {
                // What follows a file without a name is memory that the file asks for, as `.bss`.
                let Some(file) = mappings.last().filter(|file| file.end == mapping.begin) else {
                    continue;
                };
                mapping.path.clone_from(&file.path);
                mapping.offset = file.offset.saturating_add(file.end.saturating_sub(file.begin));
            }
            mappings.push(mapping);
        }
        Self(mappings)
    }

    /// Says whether there is code at an address that belongs to no system library.
    pub(super) fn is_programs_code(&self, address: u64) -> bool {
        self.at(address).is_some_and(|mapping| {
            let name = mapping.path.rsplit('/').next().unwrap_or_default();
            mapping.is_code && !LIBRARIES.iter().any(|library| name.starts_with(library))
        })
    }

    /// Finds the symbol at an address, or the file if it has none there.
    pub(super) fn place(&self, process: &Folder, address: u64) -> Option<Place> {
        let mapping = self.at(address)?;
        let file = mapping.path.rsplit('/').next().unwrap_or_default().to_string();
        // As the process itself sees it, which may be in a container.
        let path = format!("root{}", mapping.path);
        let elf = process.file(&path).ok();
        let in_file = mapping.offset.checked_add(address.checked_sub(mapping.begin)?)?;
        let symbol = elf.and_then(|elf| symbol(&elf, in_file));
        let unnamed = (String::new(), in_file);
        let (symbol, behind) = symbol.unwrap_or(unnamed);
        Some(Place { symbol, file, behind })
    }

    fn at(&self, address: u64) -> Option<&Mapping> {
        self.0.iter().find(|mapping| (mapping.begin..mapping.end).contains(&address))
    }
}

fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (begin, end) = words.next()?.split_once('-')?;
    let is_code = words.next()?.contains('x');
    let offset = words.next()?;
    let path = words.nth(2).unwrap_or_default().to_string();
    if !path.is_empty() && !path.starts_with('/') {
        return None;
    }
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(Mapping {
        begin: number(begin)?,
        end: number(end)?,
        offset: number(offset)?,
        is_code,
        path,
    })
}

/// A file of 64-bit little-endian ELF.
struct Elf<'a>(&'a OwnedFd);

impl Elf<'_> {
    fn bytes(&self, at: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        (pread(self.0, &mut bytes[..], at) == Ok(len)).then_some(bytes)
    }

    fn name(&self, at: u64) -> Option<String> {
        let mut bytes = [0; 256];
        let len = pread(self.0, &mut bytes[..], at).ok()?;
        let name = bytes.get(..len)?.split(|byte| *byte == 0).next()?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
    }
}

/// Reads a number from some bytes.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Finds the symbol that holds what is at an offset of a file, and how far behind its begin.
fn symbol(file: &OwnedFd, offset: u64) -> Option<(String, u64)> {
    let elf = Elf(file);
    let head = elf.bytes(0, 64)?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let address = loaded_at(&elf, &head, offset)?;
    let (table, count) = (number(&head, 40, 8)?, number(&head, 60, 2)?.min(512));
    let section = |index: u64| elf.bytes(table.checked_add(index.checked_mul(64)?)?, 64);
    // The whole table first; a stripped file has the other one only.
    for kind in [SYMBOL_TABLE, DYNAMIC_SYMBOLS] {
        let sections = (0..count).filter_map(section);
        for head in sections.filter(|head| number(head, 4, 4) == Some(u64::from(kind))) {
            let names = section(number(&head, 40, 4)?)?;
            if let Some((name, behind)) = nearest(&elf, &head, address) {
                let name = elf.name(number(&names, 24, 8)?.checked_add(name)?)?;
                return Some((format!("{:#}", rustc_demangle::demangle(&name)), behind));
            }
        }
    }
    None
}

/// Returns the address that symbols are told by, for an offset of the file.
fn loaded_at(elf: &Elf<'_>, head: &[u8], offset: u64) -> Option<u64> {
    let (table, count) = (number(head, 32, 8)?, number(head, 56, 2)?.min(64));
    (0..count).find_map(|index| {
        let segment = elf.bytes(table.checked_add(index * 56)?, 56)?;
        let [begin, address, len, memory] =
            [(8, 8), (16, 8), (32, 8), (40, 8)].map(|(at, len)| number(&segment, at, len));
        let (begin, address) = (begin?, address?);
        let is_loaded = number(&segment, 0, 4)? == 1;
        let end = begin.checked_add(len?.max(memory?))?;
        (is_loaded && (begin..end).contains(&offset)).then(|| address.wrapping_add(offset - begin))
    })
}

/// Finds the function or object that holds an address: where its name is, and how far behind it begins.
fn nearest(elf: &Elf<'_>, section: &[u8], address: u64) -> Option<(u64, u64)> {
    let (begin, len) = (number(section, 24, 8)?, number(section, 32, 8)?);
    let count = (len / SYMBOL_LEN).min(SYMBOLS_MAX);
    let mut first = 0;
    while first < count {
        let piece = PIECE.min(count - first);
        let at = begin.checked_add(first * SYMBOL_LEN)?;
        let bytes = elf.bytes(at, usize::try_from(piece * SYMBOL_LEN).ok()?)?;
        for symbol in bytes.chunks_exact(SYMBOL_LEN as usize) {
            let is_named = matches!(number(symbol, 4, 1)? & 15, 1 | 2);
            let (value, size) = (number(symbol, 8, 8)?, number(symbol, 16, 8)?);
            let holds = address.checked_sub(value).is_some_and(|behind| behind < size);
            if is_named && holds {
                return Some((number(symbol, 0, 4)?, address - value));
            }
        }
        first += piece;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_behind_a_file_is_the_files() {
        let text = "5000-6000 r-xp 00001000 08:01 77    /opt/shop\n\
                    6000-7000 rw-p 00002000 08:01 77    /opt/shop\n\
                    7000-9000 rw-p 00000000 00:00 0\n\
                    a000-b000 rw-p 00000000 00:00 0     [heap]\n\
                    c000-d000 r-xp 00000000 08:01 78    /lib/libc.so.6\nrubbish\nx-y z\n";
        let maps = Maps::parse(text);
        assert!(maps.is_programs_code(0x5800) && !maps.is_programs_code(0x6800));
        assert!(!maps.is_programs_code(0xc800) && !maps.is_programs_code(0xffff));
        let bss = maps.at(0x8000).unwrap();
        assert_eq!((&*bss.path, bss.offset), ("/opt/shop", 0x3000));
        assert_eq!(maps.at(0xa800), None);
    }
}
