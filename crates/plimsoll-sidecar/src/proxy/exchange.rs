//! A request on its way to the target while its response may already be on its way back.

use super::framing::Framing;
use super::http::{Client, Next};
use super::pipe::{Broken, Pipe, poll_read};
use super::recorded::Measured;
use super::request::HEAD_MAX;
use super::response::{Asked, Response};
use super::stall::{Awaited, Stall};
use super::upstream::Connection;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

/// A request and its response.
pub(crate) struct Exchange {
    pub(crate) measured: Measured,
    asked: Asked,
    upload: Pipe,
    /// Whether the target still takes the request.
    is_taken: bool,
    /// What came from the target and wasn't passed on yet.
    heard: Vec<u8>,
    begun: Option<Begun>,
    pub(crate) stall: Stall,
}

/// A response whose head was read.
struct Begun {
    download: Pipe,
    is_interim: bool,
    switches: bool,
    keeps_target: bool,
    keeps_client: bool,
}

/// How far an exchange came.
pub(crate) enum Part {
    /// The response is through.
    Whole { keeps_target: bool, next: Next },
    /// Another protocol follows; these bytes of it came already.
    Switched { came: Vec<u8> },
    /// The target closed before it said anything.
    Unanswered,
}

/// Why an exchange can't go on.
#[derive(Debug)]
pub(crate) enum Failure {
    ClientGone,
    /// The client sends something that isn't a body.
    Malformed,
    /// The target is to blame.
    Target(&'static str),
    /// Nothing has moved for too long.
    Late(Awaited),
}

impl Exchange {
    /// Begins one with the head of a request and what follows it. Only a request that has no body and
    /// changes nothing `may_repeat`.
    pub(crate) fn new(
        measured: Measured,
        asked: Asked,
        (head, framing): (Vec<u8>, Framing),
        may_repeat: bool,
        stall: Stall,
    ) -> Self {
        let upload = if may_repeat { Pipe::repeatable(head) } else { Pipe::new(head, framing) };
        Self { measured, asked, upload, is_taken: true, heard: Vec::new(), begun: None, stall }
    }

    /// Prepares to send the request over another connection; says whether that may be.
    pub(crate) fn begin_again(&mut self) -> bool {
        self.is_taken = true;
        self.upload.repeat()
    }

    /// Says whether the client has been told anything of a response.
    pub(crate) fn is_answered(&self) -> bool {
        self.begun.is_some()
    }

    /// Lets bytes through until the response is at its end.
    pub(crate) async fn run(
        &mut self,
        client: &mut Client,
        target: &mut Connection,
    ) -> Result<Part, Failure> {
        if !client.came.is_empty() {
            let taken = self.upload.take(&client.came).map_err(|_| Failure::Malformed)?;
            client.came.drain(..taken);
            if client.came.is_empty() {
                client.came = Vec::new();
            }
        }
        poll_fn(|context| {
            let polled = self.poll(context, client, target);
            if polled.is_pending() {
                let (awaited, moves) = self.awaited();
                if self.stall.poll(context, &client.seat, awaited, moves).is_ready() {
                    return Poll::Ready(Err(Failure::Late(awaited)));
                }
            }
            polled
        })
        .await
    }

    /// Says who has to do something, and how many times anybody has.
    fn awaited(&self) -> (Awaited, u64) {
        let Self { upload, begun, .. } = self;
        let awaited = match begun {
            Some(begun) if !begun.download.is_flushed() => Awaited::Reader,
            Some(begun) if begun.download.is_promised() => Awaited::Response,
            None if self.is_taken && !upload.is_flushed() => Awaited::Intake,
            None if self.is_taken && !upload.has_read_all() => Awaited::Request,
            _ => Awaited::Event,
        };
        let download = begun.as_ref().map_or(0, |begun| begun.download.moves());
        (awaited, upload.moves() + download)
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        client: &mut Client,
        target: &mut Connection,
    ) -> Poll<Result<Part, Failure>> {
        self.poll_upload(context, client, target)?;
        let keeps_alive = self.asked.keeps_alive && !client.seat.is_draining();
        let asked = Asked { keeps_alive, ..self.asked };
        loop {
            let Some(begun) = &mut self.begun else {
                if ready!(self.poll_head(context, target, asked))? {
                    continue;
                }
                return Poll::Ready(Ok(Part::Unanswered));
            };
            let heard = &mut self.heard;
            let passed = begun.download.poll(context, target, &mut client.stream, heard);
            ready!(passed).map_err(|broken| match broken {
                Broken::Sink => Failure::ClientGone,
                Broken::Source => Failure::Target("the target closed amid its response"),
                Broken::Malformed => Failure::Target(CHUNKS),
            })?;
            if !begun.is_interim {
                return Poll::Ready(Ok(self.end()));
            }
            self.begun = None;
            let came = std::mem::take(&mut self.heard);
            if !came.is_empty() {
                self.hear(&came, asked)?;
            }
        }
    }

    /// Moves the request on; once it is through, looks whether the client is still there.
    fn poll_upload(
        &mut self,
        context: &mut Context<'_>,
        client: &mut Client,
        target: &mut Connection,
    ) -> Result<(), Failure> {
        if self.is_taken && !self.upload.is_done() {
            let passed = self.upload.poll(context, &mut client.stream, target, &mut client.came);
            match passed {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(Broken::Source)) => return Err(Failure::ClientGone),
                Poll::Ready(Err(Broken::Malformed)) => return Err(Failure::Malformed),
                // It may have answered before it stopped listening.
                Poll::Ready(Err(Broken::Sink)) => self.is_taken = false,
                Poll::Pending => return Ok(()),
            }
        }
        match client.poll_gone(context) {
            Poll::Ready(()) if self.upload.has_read_all() => Err(Failure::ClientGone),
            _ => Ok(()),
        }
    }

    /// Reads the head of a response; false says that the target closed before it sent anything.
    fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        target: &mut Connection,
        asked: Asked,
    ) -> Poll<Result<bool, Failure>> {
        loop {
            let read = poll_read(context, target, |bytes| match bytes {
                [] => Ok(None),
                bytes => self.hear(bytes, asked).map(Some),
            });
            // One that resets the connection has closed, too.
            match ready!(read).unwrap_or(Ok(None))? {
                Some(true) => return Poll::Ready(Ok(true)),
                Some(false) => {}
                None if self.heard.is_empty() => return Poll::Ready(Ok(false)),
                None => {
                    let why = "the target closed amid the head of its response";
                    return Poll::Ready(Err(Failure::Target(why)));
                }
            }
        }
    }

    /// Takes what the target says, and says whether a whole head is there.
    fn hear(&mut self, bytes: &[u8], asked: Asked) -> Result<bool, Failure> {
        self.upload.forget();
        if self.heard.is_empty() {
            // Nearly every head comes whole.
            let is_whole = self.begin(bytes, asked)?;
            if !is_whole {
                self.heard.extend_from_slice(bytes);
            }
            return Ok(is_whole);
        }
        self.heard.extend_from_slice(bytes);
        if !bytes.contains(&b'\n') && self.heard.len() < HEAD_MAX {
            return Ok(false);
        }
        let heard = std::mem::take(&mut self.heard);
        let is_whole = self.begin(&heard, asked)?;
        if !is_whole {
            self.heard = heard;
        }
        Ok(is_whole)
    }

    /// Begins a response if its head is there.
    fn begin(&mut self, bytes: &[u8], asked: Asked) -> Result<bool, Failure> {
        let read = Response::read(bytes, asked).map_err(|garbage| Failure::Target(garbage.0))?;
        let Some((size, response)) = read else { return Ok(false) };
        let (is_interim, switches) = (response.is_interim(), response.switches());
        let Response { head, status, framing, keeps_target, keeps_client } = response;
        if switches && !self.upload.is_done() {
            return Err(Failure::Target("it changes the protocol amid the request"));
        }
        if !is_interim {
            self.measured.responded(status);
        }
        // HTTP/1.0 knows no interim responses.
        let head = if is_interim && asked.is_old { Vec::new() } else { head };
        let mut download = Pipe::new(head, framing);
        let rest = bytes.get(size..).unwrap_or_default();
        let taken = download.take(rest).map_err(|_| Failure::Target(CHUNKS))?;
        self.heard.extend_from_slice(rest.get(taken..).unwrap_or_default());
        self.begun = Some(Begun { download, is_interim, switches, keeps_target, keeps_client });
        Ok(true)
    }

    /// Says what follows a response that is through.
    fn end(&mut self) -> Part {
        let came = std::mem::take(&mut self.heard);
        let Some(begun) = &self.begun else { return Part::Unanswered };
        if begun.switches {
            return Part::Switched { came };
        }
        let is_sent = self.upload.is_done();
        let keeps_target = begun.keeps_target && is_sent && came.is_empty();
        let next = match is_sent {
            true if begun.keeps_client => Next::Request,
            true => Next::Close,
            false => Next::Part,
        };
        Part::Whole { keeps_target, next }
    }
}

const CHUNKS: &str = "the chunks of its response are none";
