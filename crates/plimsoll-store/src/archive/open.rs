//! Opening the data file, or saying in one sentence why not.

use super::guard::{BytesMax, Guarded};
use super::{migrate, schema};
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, StorageError};
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

/// The file within the data directory.
const FILE: &str = "plimsoll.redb";

/// The memory that the database may use for pages, in bytes.
const CACHE_BYTES: usize = 16 << 20;

/// Why a data directory couldn't be opened. Nothing was changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is no directory.
    #[error("data directory {0}: it is not a directory; name another one with data_dir")]
    NotADirectory(PathBuf),
    /// Another process has it open.
    #[error(
        "data directory {0}: another process is using it; stop that one or name another directory \
         with data_dir"
    )]
    Locked(PathBuf),
    /// The file can't be read as what it should be.
    #[error(
        "data file {path}: it is corrupt ({what}) and was left as it is; restore a backup, or move \
         it away to start anew"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// This process may not write there.
    #[error(
        "data directory {0}: this process may not write there; change its permissions or name \
         another directory with data_dir"
    )]
    ReadOnly(PathBuf),
    /// A newer version of this program wrote it.
    #[error(
        "data file {path}: it has format {found} and this version knows up to {known}; run the \
         newer version that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format in the file.
        found: u64,
        /// The newest format that is known.
        known: u64,
    },
    /// Anything else that the system said.
    #[error("data directory {path}: {source}")]
    Io {
        /// What was opened.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Returns where the data file lies in a directory.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Opens the database in the directory, or makes both.
pub(super) fn open(dir: &Path, bytes_max: BytesMax) -> Result<(Database, PathBuf), OpenError> {
    std::fs::create_dir_all(dir).map_err(|error| from_io(dir, error))?;
    let path = path(dir);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| from_io(dir, error))?;
    let file = FileBackend::new(file).map_err(|error| from_database(dir, &path, error))?;
    let guarded = Guarded::new(file, bytes_max).map_err(|error| from_io(dir, error))?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .create_with_backend(guarded.clone())
        .map_err(|error| from_database(dir, &path, error))?;
    let format = schema::prepare(&database, &path)?;
    guarded.release().map_err(|error| from_io(dir, error))?;
    migrate::migrate(&database, format)
        .map_err(|error| OpenError::Corrupt { path: path.clone(), what: error.to_string() })?;
    Ok((database, path))
}

fn from_io(dir: &Path, error: io::Error) -> OpenError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            OpenError::NotADirectory(dir.into())
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly(dir.into())
        }
        _ => OpenError::Io { path: dir.into(), source: error },
    }
}

fn from_database(dir: &Path, path: &Path, error: DatabaseError) -> OpenError {
    let corrupt = |what: String| OpenError::Corrupt { path: path.into(), what };
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Locked(dir.into()),
        DatabaseError::Storage(StorageError::Corrupted(what)) => corrupt(what),
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => corrupt(error.to_string()),
            _ => from_io(dir, error),
        },
        other => corrupt(other.to_string()),
    }
}
