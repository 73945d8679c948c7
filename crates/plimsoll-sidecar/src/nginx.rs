//! nginx, by its `stub_status` page.

use crate::config::interval;
use crate::connected::{Connected, ConnectedCollector};
use crate::fetch::{self, Page};
use crate::reading::labelled;
use crate::{Collector, Reading, Reason, World};
use async_trait::async_trait;
use plimsoll_model::catalog;
use plimsoll_spec::{MapShape, Parsed, Shape, optional, required};
use serde::Deserialize;
use std::str::FromStr;
use std::sync::Arc;

pub(crate) static SHAPE: MapShape = MapShape {
    keys: &[
        optional("label", Shape::TEXT),
        optional("interval", Shape::Text(interval)),
        optional("deadline", Shape::Text(interval)),
        required("url", Shape::parsed::<Page>()),
    ],
    check: None,
};

/// An nginx whose `stub_status` page is at an address, as `http://127.0.0.1/stub_status`.
#[derive(Clone, Debug, Deserialize)]
pub struct NginxConfig {
    url: Parsed<Page>,
}

impl FromStr for NginxConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { url: Parsed(text.parse()?) })
    }
}

impl NginxConfig {
    pub(crate) fn name(&self) -> String {
        format!("nginx:{}", self.url.0)
    }

    pub(crate) fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let nginx = Nginx { page: self.url.0, name: world.name.clone() };
        Ok(Box::new(Connected::new(nginx, world.clock.clone())))
    }
}

struct Nginx {
    page: Page,
    name: Arc<str>,
}

#[async_trait]
impl ConnectedCollector for Nginx {
    type Connection = fetch::Connection;

    async fn connect(&self) -> Result<fetch::Connection, Reason> {
        self.page.connect().await
    }

    async fn look(&mut self, connection: &mut fetch::Connection) -> Result<Reading, Reason> {
        let text = self.page.text(connection).await?;
        let status = Status::parse(&text);
        let status = status.ok_or_else(|| self.page.reason("is no page of", &"stub_status"))?;
        let mut reading = Reading::default();
        status.write(&self.name, &mut reading);
        Ok(reading)
    }
}

/// The numbers of the page, in its order.
#[derive(Debug, PartialEq)]
struct Status {
    accepted: u64,
    handled: u64,
    requests: u64,
    reading: u64,
    writing: u64,
    waiting: u64,
}

impl Status {
    /// Reads the page: four lines, whose words are as they have been since 2002.
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [
            "Active",
            "connections:",
            _,
            "server",
            "accepts",
            "handled",
            "requests",
            accepted,
            handled,
            requests,
            "Reading:",
            reading,
            "Writing:",
            writing,
            "Waiting:",
            waiting,
        ] = words.as_slice()
        else {
            return None;
        };
        Some(Self {
            accepted: accepted.parse().ok()?,
            handled: handled.parse().ok()?,
            requests: requests.parse().ok()?,
            reading: reading.parse().ok()?,
            writing: writing.parse().ok()?,
            waiting: waiting.parse().ok()?,
        })
    }

    fn write(&self, server: &str, reading: &mut Reading) {
        let states =
            [("reading", self.reading), ("writing", self.writing), ("waiting", self.waiting)];
        for (state, connections) in states {
            let labels = labelled([("server", server), ("state", state)]);
            reading.gauge(&catalog::NGINX_CONNECTIONS, &labels, connections as f64);
        }
        let labels = labelled([("server", server)]);
        reading.count(&catalog::NGINX_ACCEPTED, &labels, self.accepted);
        reading.count(&catalog::NGINX_REQUESTS, &labels, self.requests);
        // What was accepted and not handled found no worker connection free.
        let refused = self.accepted.saturating_sub(self.handled);
        let labels = labelled([("source", server), ("reason", "full")]);
        reading.count(&catalog::BACKPRESSURE, &labels, refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_read_as_nginx_writes_it_and_nothing_else_is() {
        let page = "Active connections: 3 \nserver accepts handled requests\n 16 14 31 \n\
                    Reading: 0 Writing: 1 Waiting: 2 \n";
        let (accepted, handled, requests) = (16, 14, 31);
        let (reading, writing, waiting) = (0, 1, 2);
        let status = Status { accepted, handled, requests, reading, writing, waiting };
        assert_eq!(Status::parse(page), Some(status));
        for other in ["", "<html>", &page.replace("16", "x"), &format!("{page} more")] {
            assert_eq!(Status::parse(other), None, "{other}");
        }
    }
}
