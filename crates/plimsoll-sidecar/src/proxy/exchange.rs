//! A request on its way to the target while its response may already be on its way back.

use super::framing::Framing;
use super::http::{Client, Next};
use super::pipe::{Broken, Pipe, poll_read};
use super::recorded::Measured;
use super::response::{Asked, Response};
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
    /// The head, while the request may be sent again.
    again: Option<Vec<u8>>,
    /// What came from the target and wasn't passed on yet.
    heard: Vec<u8>,
    begun: Option<Begun>,
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
}

impl Exchange {
    /// Begins one with the head of a request and what follows it. Only a request that has no body and
    /// changes nothing `may_repeat`.
    pub(crate) fn new(
        measured: Measured,
        asked: Asked,
        (head, framing): (Vec<u8>, Framing),
        may_repeat: bool,
    ) -> Self {
        let again = may_repeat.then(|| head.clone());
        let upload = Pipe::new(head, framing);
        let heard = Vec::new();
        Self { measured, asked, upload, is_taken: true, again, heard, begun: None }
    }

    /// Prepares to send the request over another connection; says whether that may be.
    pub(crate) fn begin_again(&mut self) -> bool {
        let Some(head) = self.again.take() else { return false };
        self.upload = Pipe::new(head, Framing::Done);
        self.is_taken = true;
        true
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
        self.upload.begin_with(&mut client.came).map_err(|_| Failure::Malformed)?;
        poll_fn(|context| self.poll(context, client, target)).await
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        client: &mut Client,
        target: &mut Connection,
    ) -> Poll<Result<Part, Failure>> {
        self.poll_upload(context, client, target)?;
        loop {
            let Some(begun) = &mut self.begun else {
                if ready!(self.poll_head(context, target, client))? {
                    continue;
                }
                return Poll::Ready(Ok(Part::Unanswered));
            };
            let heard = &mut self.heard;
            let passed = begun.download.poll(context, target, &mut client.stream, heard);
            ready!(passed).map_err(|broken| match broken {
                Broken::Sink => Failure::ClientGone,
                Broken::Source => Failure::Target("the target closed amid its response"),
                Broken::Malformed => Failure::Target("the chunks of its response are none"),
            })?;
            if !begun.is_interim {
                return Poll::Ready(Ok(self.end()));
            }
            self.begun = None;
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
        client: &Client,
    ) -> Poll<Result<bool, Failure>> {
        let keeps_alive = self.asked.keeps_alive && !client.seat.is_draining();
        let asked = Asked { keeps_alive, ..self.asked };
        loop {
            if !self.heard.is_empty() {
                let read = Response::read(&self.heard, asked);
                if let Some((size, response)) =
                    read.map_err(|garbage| Failure::Target(garbage.0))?
                {
                    self.heard.drain(..size);
                    return Poll::Ready(self.begin(response).map(|()| true));
                }
            }
            let heard = &mut self.heard;
            let read = poll_read(context, target, |bytes| {
                heard.extend_from_slice(bytes);
                bytes.len()
            });
            match ready!(read) {
                Ok(1..) => self.again = None,
                _ if self.heard.is_empty() => return Poll::Ready(Ok(false)),
                _ => {
                    let why = "the target closed amid the head of its response";
                    return Poll::Ready(Err(Failure::Target(why)));
                }
            }
        }
    }

    fn begin(&mut self, response: Response) -> Result<(), Failure> {
        let (is_interim, switches) = (response.is_interim(), response.switches());
        let Response { head, status, framing, keeps_target, keeps_client } = response;
        if !is_interim {
            self.measured.responded(status);
        }
        // HTTP/1.0 knows no interim responses.
        let head = if is_interim && self.asked.is_old { Vec::new() } else { head };
        let mut download = Pipe::new(head, framing);
        let begun = download.begin_with(&mut self.heard);
        begun.map_err(|_| Failure::Target("the chunks of its response are none"))?;
        self.begun = Some(Begun { download, is_interim, switches, keeps_target, keeps_client });
        Ok(())
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
