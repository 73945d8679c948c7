//! Mirrors of `crossbeam`: change the path, and give each a name.
//!
//! | mirror | original |
//! |---|---|
//! | [`channel`] | `crossbeam::channel`, which is `crossbeam_channel` |

pub mod channel;
