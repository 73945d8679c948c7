use plimsoll_model::LabelError;
use plimsoll_record::RegisterError;

/// Why a prober couldn't be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProberError {
    /// There is nothing to watch.
    #[error("a prober needs a store to watch")]
    NoStore,
    /// Two stores have one name.
    #[error("two stores are called {0}: give each a name of its own")]
    Twice(String),
    /// A length of time is zero.
    #[error("the prober's {0} is zero: give a length of time")]
    Zero(&'static str),
    /// The name of a table isn't one.
    #[error(
        "{0:?} is no table: give a name of letters, digits and _, with its schema before a dot"
    )]
    Table(String),
    /// The address of a store can't be used.
    #[error("{address:?} is no address of a store: {reason}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The in-flight bands don't ascend from 1, or there are more than 16.
    #[error("the bands must ascend from 1 and be at most 16")]
    Bands,
    /// An instrument couldn't be made.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A label couldn't be made of a name.
    #[error(transparent)]
    Label(#[from] LabelError),
}
