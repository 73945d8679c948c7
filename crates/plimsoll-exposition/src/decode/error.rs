use thiserror::Error;

/// Why a body was refused as a whole, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column}: {what}")]
pub struct DecodeError {
    /// The line, from 1.
    pub line: usize,
    /// The byte within the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub what: Fault,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// The body stops within a line.
    #[error("the body ends within a line: it was cut off, or the last line feed is missing")]
    CutOff,
}
