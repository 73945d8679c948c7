//! Mirror of `tokio::sync::mpsc`: queues that are recorded (M2, and M8 when they are full).
//!
//! | series | what |
//! |---|---|
//! | level `concurrency_queue_depth{queue}` | messages in the channel, with its capacity as limit and the age of the oldest |
//! | histogram `concurrency_queue_time_seconds{queue}` | how long each message was in it, also one that is dropped with it |
//! | gauge `concurrency_queue_wait_min_seconds{queue}` | the shortest of these within the last 60 s |
//! | `concurrency_backpressure_total{source,reason}` | sends that found it full, those that waited for room too (`full`), or that timed out (`timeout`), each once; the source is the queue's name |
//!
//! A message is in the channel from just before it can be received until just after it was; a slot
//! is free again only then, so the depth never passes the capacity. To be able to say so, a bounded
//! channel is made as tokio makes its own, of a semaphore before an unbounded list.
//!
//! # Cost
//! Two clock reads and two log edges a message.
//!
//! # Cancellation
//! A `send` that is dropped while it waits gives up its place and has sent nothing. A `recv` that is
//! dropped has received nothing. Messages that nobody will receive leave the depth when the channel
//! is dropped.
//!
//! # Reading it
//! See [`QueueProbe`](crate::QueueProbe).

mod bounded;
mod permit;
mod receiver;
mod sender;
mod unbounded;

pub use bounded::{channel, channel_named, channel_named_in};
pub use permit::{OwnedPermit, Permit, PermitIterator};
pub use receiver::Receiver;
pub use sender::{Sender, WeakSender};
pub use tokio::sync::mpsc::error;
pub use unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
    unbounded_channel_named, unbounded_channel_named_in,
};
