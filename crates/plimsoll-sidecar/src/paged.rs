//! Servers that say all that they know on one page.

use crate::config::{DEADLINE, INTERVAL, LABEL};
use crate::connected::{Connected, ConnectedCollector};
use crate::fetch::{Connection, Page};
use crate::kind::CollectorKind;
use crate::{Collector, Flag, Pace, Reading, Reason, World};
use async_trait::async_trait;
use plimsoll_spec::{MapShape, Parsed, Shape, required};
use serde::Deserialize;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

static SHAPE: MapShape = MapShape {
    keys: &[LABEL, INTERVAL, DEADLINE, required("url", Shape::parsed::<Page>())],
    check: None,
};

/// A kind of server that says all that it knows on one page.
pub(crate) trait StatusPage: Clone + Debug + Send + Sync + 'static {
    const FLAGS: &'static [Flag];

    /// Adds to a reading what the page says; `server` is the name of who has it.
    ///
    /// # Errors
    /// What isn't there, and what to do about it.
    fn read(
        text: &str,
        server: &str,
        reading: &mut Reading,
    ) -> Result<(), (&'static str, &'static str)>;
}

/// A server whose page is at an address, as `http://127.0.0.1/stub_status`.
#[derive(Clone, Debug, Deserialize)]
pub struct PageConfig<P> {
    url: Parsed<Page>,
    #[serde(skip, default)]
    of: PhantomData<P>,
}

impl<P> FromStr for PageConfig<P> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { url: Parsed(text.parse()?), of: PhantomData })
    }
}

impl<P: StatusPage> CollectorKind for PageConfig<P> {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const FLAGS: &'static [Flag] = P::FLAGS;

    fn target(&self) -> String {
        self.url.0.to_string()
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let paged = Paged::<P> { page: self.url.0, name: world.name.clone(), of: PhantomData };
        Ok(Box::new(Connected::new(paged, world.clock.clone())))
    }
}

struct Paged<P> {
    page: Page,
    name: Arc<str>,
    of: PhantomData<P>,
}

#[async_trait]
impl<P: StatusPage> ConnectedCollector for Paged<P> {
    type Connection = Connection;

    async fn connect(&self) -> Result<Connection, Reason> {
        self.page.connect().await
    }

    async fn look(&mut self, connection: &mut Connection) -> Result<Reading, Reason> {
        let text = self.page.text(connection).await?;
        let mut reading = Reading::default();
        let read = P::read(&text, &self.name, &mut reading);
        read.map_err(|(what, why)| self.page.reason(what, &why))?;
        Ok(reading)
    }
}
