//! Mirrors of `std::sync`: change the path, and give each a name.
//!
//! | mirror | original |
//! |---|---|
//! | [`mpsc`] | the same name; its channels are recorded as queues |

pub mod mpsc;
