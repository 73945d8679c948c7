//! What is said over HTTP of who asks, in Prometheus's words.

use crate::access::read_text;
use crate::one_of_two;
use plimsoll_spec::{Key, MapShape, Shape, optional};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Prometheus's `authorization`, which an [`Authorization`] is read from.
pub const AUTHORIZATION: Key = optional("authorization", Shape::Map(&WORDS));

static WORDS: MapShape = MapShape {
    keys: &[
        optional("type", Shape::Text(scheme)),
        optional("credentials", Shape::TEXT),
        optional("credentials_file", Shape::TEXT),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "credentials", "credentials_file")),
};

fn scheme(text: &str) -> Result<(), String> {
    if text.eq_ignore_ascii_case("basic") {
        return Err("is a user with a password: give those".into());
    }
    let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token { Ok(()) } else { Err("must be one word, as Bearer".into()) }
}

/// A scheme and what goes with it, as a bearer's token. A file is read each time: what it holds may change.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Authorization {
    r#type: Option<String>,
    credentials: Option<String>,
    credentials_file: Option<PathBuf>,
}

impl Authorization {
    /// Makes a relative path begin in `folder`, where the configuration lies.
    pub fn lies_in(&mut self, folder: &Path) {
        if let Some(file) = &mut self.credentials_file {
            *file = folder.join(&file);
        }
    }

    /// Returns the value of the header of this name.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn header(&self) -> io::Result<String> {
        let scheme = self.r#type.as_deref().unwrap_or("Bearer");
        let credentials = match &self.credentials_file {
            Some(file) => read_text(file)?,
            None => self.credentials.clone().unwrap_or_default(),
        };
        Ok(format!("{scheme} {credentials}"))
    }
}

/// No secret is shown.
impl fmt::Debug for Authorization {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Authorization").finish_non_exhaustive()
    }
}
