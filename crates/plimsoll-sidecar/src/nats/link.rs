//! The connection, and what is asked on it.

use super::api::{Answer, Consumer, Page, Refusal, Stored, Stream};
use crate::Reason;
use crate::server::ServerConfig;
use crate::tls::{self, advised};
use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, RequestErrorKind};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;

/// Streams, and consumers of one stream, that are looked at.
const ITEMS_MAX: usize = 2_000;

/// How long one request may take; the round has a deadline of its own. A list of what a cluster has comes
/// after 4 s if a server or a leader is gone, without what that one has.
const REQUEST: Duration = Duration::from_millis(4_500);

/// Where to connect, and as whom.
pub(super) struct Dial {
    pub(super) server: ServerConfig,
    pub(super) credentials: Option<PathBuf>,
}

/// An open connection; dropped, it is closed.
pub(super) struct Link {
    client: Client,
    /// What the server complained of last: a subject that isn't permitted is told apart from its request.
    complaint: watch::Receiver<Option<String>>,
}

/// A list, and the names of those that nobody answers for now.
pub(super) struct All<T> {
    pub(super) items: Vec<T>,
    pub(super) missing: Vec<String>,
}

impl Link {
    /// Returns the account's streams.
    pub(super) async fn streams(&self) -> Result<All<Stream>, Reason> {
        self.all("STREAM.LIST").await
    }

    /// Returns the consumers of a stream.
    pub(super) async fn consumers(&self, stream: &str) -> Result<All<Consumer>, Reason> {
        self.all(&format!("CONSUMER.LIST.{stream}")).await
    }

    /// Returns place and time of the first message from `from` on that has a subject as `filter`, if there
    /// is one.
    pub(super) async fn message(
        &self,
        stream: &str,
        from: u64,
        filter: &str,
    ) -> Result<Option<(u64, i64)>, Reason> {
        let subject = format!("STREAM.MSG.GET.{stream}");
        let asked = json!({ "seq": from, "next_by_subj": filter });
        let answer: Answer<Stored> = self.ask(&subject, &asked).await?;
        match (answer.error, answer.of.message) {
            (Some(Refusal { code: 404, .. }), _) | (None, None) => Ok(None),
            (Some(refusal), _) => Err(refused(&subject, &refusal)),
            (None, Some(message)) => Ok(message.unix_ms().map(|unix_ms| (message.seq, unix_ms))),
        }
    }

    async fn all<T: DeserializeOwned>(&self, subject: &str) -> Result<All<T>, Reason> {
        let mut all = All { items: Vec::new(), missing: Vec::new() };
        loop {
            // Those that nobody answers for count as well: the next page begins behind them.
            let asked = json!({ "offset": all.items.len() + all.missing.len() });
            let page: Answer<Page<T>> = self.ask(subject, &asked).await?;
            if let Some(refusal) = page.error {
                return Err(refused(subject, &refusal));
            }
            let (items, missing) = (page.of.items, page.of.missing);
            let before = all.items.len() + all.missing.len();
            all.items.extend(items.unwrap_or_default());
            all.missing.extend(missing.unwrap_or_default());
            let after = all.items.len() + all.missing.len();
            if after == before || after >= page.of.total.min(ITEMS_MAX) {
                all.items.truncate(ITEMS_MAX);
                return Ok(all);
            }
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        subject: &str,
        asked: &serde_json::Value,
    ) -> Result<T, Reason> {
        if self.client.connection_state() != State::Connected {
            return Err(lost());
        }
        let request = self.client.request(format!("$JS.API.{subject}"), asked.to_string().into());
        let answer = tokio::select! {
            answer = request => answer.map_err(|error| unanswered(subject, error.kind()))?,
            complaint = self.complaint_of(subject) => return Err(complaint),
        };
        serde_json::from_slice(&answer.payload).map_err(|error| {
            Reason::new(format_args!("{subject}: the answer isn't JetStream's: {error}"))
        })
    }

    /// Waits until the server complains of `subject`.
    async fn complaint_of(&self, subject: &str) -> Reason {
        let mut complaint = self.complaint.clone();
        complaint.mark_unchanged();
        loop {
            if complaint.changed().await.is_err() {
                return lost();
            }
            let is_it = |said: &String| said.contains(&format!("\"$JS.API.{subject}\""));
            if complaint.borrow_and_update().as_ref().is_some_and(is_it) {
                return Reason::new(format_args!(
                    "this user may not publish to $JS.API.{subject}: the server's permissions lack it"
                ));
            }
        }
    }
}

impl Dial {
    pub(super) async fn connect(&self) -> Result<Link, Reason> {
        let (tell, complaint) = watch::channel(None);
        let mut options = ConnectOptions::new()
            .name("plimsoll sidecar")
            .connection_timeout(REQUEST)
            .request_timeout(Some(REQUEST))
            .max_reconnects(1)
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    tell.send_replace(Some(error.to_string()));
                }
                std::future::ready(())
            });
        let address = &self.server.address;
        if let Some(file) = &self.credentials {
            let read = std::fs::read_to_string(file).and_then(|text| options.credentials(&text));
            options = read.map_err(|error| {
                Reason::new(format_args!("{} can't be read: {error}", file.display()))
            })?;
        }
        match (address.user(), self.server.password()?) {
            (Some(user), Some(password)) => options = options.user_and_password(user, password),
            // As other clients of NATS read it: what stands before the host alone is a token.
            (Some(token), None) | (None, Some(token)) => options = options.token(token),
            (None, None) => {}
        }
        options = options
            .require_tls(address.url().scheme() == "tls")
            .tls_client_config(self.server.tls()?);
        let client = options.connect(address.bare().as_str()).await;
        let client = client.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let is_tls = address.url().scheme() == "tls";
            unconnected(error.kind(), is_tls, &source.unwrap_or_default())
        })?;
        Ok(Link { client, complaint })
    }
}

fn lost() -> Reason {
    Reason::new("the connection was lost")
}

fn refused(subject: &str, refusal: &Refusal) -> Reason {
    Reason::new(format_args!("{subject}: {} (code {})", refusal.description, refusal.code))
}

fn unanswered(subject: &str, kind: RequestErrorKind) -> Reason {
    match kind {
        RequestErrorKind::NoResponders => Reason::new("JetStream isn't enabled on this server"),
        RequestErrorKind::TimedOut => Reason::new(format_args!(
            "{subject}: no answer within {REQUEST:?}: the server is busy, or elects a leader"
        )),
        kind => Reason::new(format_args!("{subject}: {kind}")),
    }
}

fn unconnected(kind: ConnectErrorKind, is_tls: bool, source: &str) -> Reason {
    match kind {
        ConnectErrorKind::AuthorizationViolation => Reason::new(
            "the server refuses this user: check the name, the password file or the credentials",
        ),
        ConnectErrorKind::Tls => Reason::new(advised(format_args!("TLS was refused: {source}"))),
        ConnectErrorKind::Io if is_tls => Reason::new(format_args!(
            "can't connect with TLS: {source}; {}",
            tls::advice(source).unwrap_or("a server that speaks none is nats://")
        )),
        kind => Reason::new(format_args!("can't connect: {kind} {source}")),
    }
}
