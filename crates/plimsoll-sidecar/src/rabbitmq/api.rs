//! What the management API answers, as far as it is read.

use crate::server::ServerConfig;
use crate::tls::advised;
use crate::{Reading, Reason};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Queues that are looked at, and how many an answer holds.
const QUEUES_MAX: usize = 2_000;
const PAGE: usize = 500;

/// Whoever answers more than this isn't believed.
const ANSWER_MAX: usize = 16 << 20;

const QUEUES: &str = "name,vhost,messages_ready,messages_unacknowledged,consumers,\
                      consumer_capacity,consumer_utilisation,head_message_timestamp,message_stats,arguments,type";

/// Kept connections, and who asks.
pub(super) struct Link {
    http: Client,
    base: Url,
    user: String,
    password: Option<String>,
    host: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    page_count: usize,
    total_count: usize,
    items: Vec<Queue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Queue {
    name: String,
    vhost: String,
    pub(super) messages_ready: Option<u64>,
    pub(super) messages_unacknowledged: Option<u64>,
    pub(super) consumers: Option<u64>,
    /// A number, or an empty text where nothing is known.
    #[serde(default)]
    consumer_capacity: Value,
    #[serde(default)]
    consumer_utilisation: Value,
    #[serde(default)]
    head_message_timestamp: Value,
    /// A map, or an empty list before the first message.
    #[serde(default)]
    message_stats: Value,
    #[serde(default)]
    arguments: Value,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Connection {
    #[serde(default)]
    state: Option<String>,
}

impl Queue {
    /// Returns the name, with the virtual host before it unless that is the usual one.
    pub(super) fn shown(&self) -> String {
        match &*self.vhost {
            "/" => self.name.clone(),
            vhost => format!("{vhost}/{}", self.name),
        }
    }

    /// Returns when the first message was sent, if its publisher said so and it is in memory.
    pub(super) fn head_unix_ms(&self) -> Option<i64> {
        self.head_message_timestamp.as_i64().and_then(|seconds| seconds.checked_mul(1_000))
    }

    /// Returns the part of the time in which a message could be delivered at once; its name changed.
    pub(super) fn consumer_capacity(&self) -> Option<f64> {
        self.consumer_capacity.as_f64().or_else(|| self.consumer_utilisation.as_f64())
    }

    /// Says whether messages stay in it when they have been read, as in a log.
    pub(super) fn is_stream(&self) -> bool {
        self.kind == "stream"
    }

    pub(super) fn published(&self) -> u64 {
        self.counted(&["publish"])
    }

    /// Returns how many messages were acknowledged, or taken without need for it.
    pub(super) fn consumed(&self) -> u64 {
        self.counted(&["ack", "deliver_no_ack", "get_no_ack"])
    }

    pub(super) fn length_max(&self) -> Option<u64> {
        self.arguments.get("x-max-length").and_then(Value::as_u64)
    }

    fn counted(&self, names: &[&str]) -> u64 {
        let counts = names.iter().filter_map(|name| self.message_stats.get(name)?.as_u64());
        counts.fold(0, u64::saturating_add)
    }
}

impl Link {
    pub(super) fn new(server: &ServerConfig) -> Result<Self, Reason> {
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(server.tls()?)
            .build();
        Ok(Self {
            http: http.map_err(Reason::new)?,
            base: server.address.bare(),
            user: server.address.user().unwrap_or_else(|| "guest".to_owned()),
            password: server.password()?,
            host: server.address.to_string(),
        })
    }

    pub(super) async fn queues(&self, into: &mut Reading) -> Result<Vec<Queue>, Reason> {
        let mut queues = Vec::new();
        for page in 1..=QUEUES_MAX / PAGE {
            let path = format!("api/queues?page={page}&page_size={PAGE}&columns={QUEUES}");
            let Page { page_count, total_count, items } = self.get(&path).await?;
            queues.extend(items);
            if page >= page_count {
                break;
            }
            if page == QUEUES_MAX / PAGE {
                into.note(format_args!("only {QUEUES_MAX} of {total_count} queues are looked at"));
            }
        }
        Ok(queues)
    }

    /// Asks for the states of all connections.
    pub(super) async fn connections(&self) -> Result<Vec<String>, Reason> {
        let connections: Vec<Connection> = self.get("api/connections?columns=state").await?;
        Ok(connections.into_iter().filter_map(|connection| connection.state).collect())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Reason> {
        let host = &self.host;
        let url = self.base.join(path).map_err(Reason::new)?;
        let request = self.http.get(url).basic_auth(&self.user, self.password.as_deref());
        let mut answer = request.send().await.map_err(|error| unreachable(host, &error))?;
        let path = path.split('?').next().unwrap_or_default();
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                return Err(Reason::new(format_args!(
                    "{host} refuses this user: check the password, and its tag `monitoring`"
                )));
            }
            status => return Err(Reason::new(format_args!("{host}/{path} answers {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(host, &error))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_MAX {
                return Err(Reason::new(format_args!(
                    "{host}/{path}: more than {ANSWER_MAX} bytes"
                )));
            }
        }
        serde_json::from_slice(&body).map_err(|error| {
            Reason::new(format_args!("{host}/{path}: not the management API's answer: {error}"))
        })
    }
}

/// Says what is wrong without the address, which may be long; the innermost cause says most.
fn unreachable(host: &str, error: &reqwest::Error) -> Reason {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Reason::new(advised(format_args!("{host} can't be reached: {cause}")))
}
