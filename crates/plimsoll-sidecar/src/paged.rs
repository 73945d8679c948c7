//! Servers that say all that they know on one page.

use crate::config::interval;
use crate::connected::{Connected, ConnectedCollector};
use crate::fetch::{Connection, Page};
use crate::{Collector, Reading, Reason, World};
use async_trait::async_trait;
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

/// Adds to a reading what the page of a server says, or tells what isn't there and what to do about it.
/// The arguments are the page's text and the server's name.
pub(crate) type Read = fn(&str, &str, &mut Reading) -> Result<(), (&'static str, &'static str)>;

/// A server whose page is at an address, as `http://127.0.0.1/stub_status`.
#[derive(Clone, Debug, Deserialize)]
pub struct PageConfig {
    url: Parsed<Page>,
}

impl FromStr for PageConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { url: Parsed(text.parse()?) })
    }
}

impl PageConfig {
    pub(crate) fn name(&self, kind: &str) -> String {
        format!("{kind}:{}", self.url.0)
    }

    pub(crate) fn build(self, read: Read, world: &World) -> Box<dyn Collector> {
        let paged = Paged { page: self.url.0, name: world.name.clone(), read };
        Box::new(Connected::new(paged, world.clock.clone()))
    }
}

struct Paged {
    page: Page,
    name: Arc<str>,
    read: Read,
}

#[async_trait]
impl ConnectedCollector for Paged {
    type Connection = Connection;

    async fn connect(&self) -> Result<Connection, Reason> {
        self.page.connect().await
    }

    async fn look(&mut self, connection: &mut Connection) -> Result<Reading, Reason> {
        let text = self.page.text(connection).await?;
        let mut reading = Reading::default();
        let read = (self.read)(&text, &self.name, &mut reading);
        read.map_err(|(what, why)| self.page.reason(what, &why))?;
        Ok(reading)
    }
}
