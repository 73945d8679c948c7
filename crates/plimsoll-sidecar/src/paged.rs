//! Servers that say all that they know on one page.

use crate::config::{DEADLINE, INTERVAL, LABEL};
use crate::connected::{Connected, ConnectedCollector};
use crate::fetch::{Connection, Page, Visitor, check_visitor};
use crate::kind::CollectorKind;
use crate::{Collector, Flag, Pace, Reading, Reason, World, socket};
use async_trait::async_trait;
use plimsoll_servers::{AUTHORIZATION, PASSWORD, PASSWORD_FILE, TLS_CONFIG};
use plimsoll_spec::{MapShape, Parsed, Shape, required};
use serde::Deserialize;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        required("url", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
        AUTHORIZATION,
    ],
    check: Some(|view, faults| {
        check_visitor(view, faults, |url| url.parse::<Place>().map(drop));
    }),
};

/// Where the page is to be had.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    Page(Page),
    Socket(PathBuf),
}

/// A kind of server that says all that it knows on one page.
pub(crate) trait StatusPage: Clone + fmt::Debug + Send + Sync + 'static {
    const FLAGS: &'static [Flag];

    /// What is said to a socket to have the page; none if there is no such socket.
    const COMMAND: Option<&'static str> = None;

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
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PageConfig<P> {
    url: Parsed<Place>,
    #[serde(flatten)]
    visitor: Visitor,
    #[serde(skip, default)]
    of: PhantomData<P>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Socket(path.into())),
            Some(_) => Err("isn't a socket as unix:/run/haproxy/admin.sock".into()),
            None => text.parse().map(Self::Page),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(page) => page.fmt(out),
            Self::Socket(path) => path.display().fmt(out),
        }
    }
}

impl<P> FromStr for PageConfig<P> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { url: Parsed(text.parse()?), visitor: Visitor::default(), of: PhantomData })
    }
}

impl<P: StatusPage> CollectorKind for PageConfig<P> {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const FLAGS: &'static [Flag] = P::FLAGS;

    fn target(&self) -> String {
        self.url.0.to_string()
    }

    fn lies_in(&mut self, folder: &Path) {
        self.visitor.lies_in(folder);
    }

    fn check(&self) -> Result<(), Reason> {
        match (&self.url.0, P::COMMAND) {
            (Place::Socket(_), None) => {
                Err(Reason::new("it has no socket that tells: give the address of its page"))
            }
            _ => self.visitor.check(),
        }
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let Self { url: Parsed(place), visitor, .. } = self;
        let paged = Paged::<P> { place, visitor, name: world.name.clone(), of: PhantomData };
        Ok(Box::new(Connected::new(paged, world.clock.clone())))
    }
}

struct Paged<P> {
    place: Place,
    visitor: Visitor,
    name: Arc<str>,
    of: PhantomData<P>,
}

#[async_trait]
impl<P: StatusPage> ConnectedCollector for Paged<P> {
    /// None to a socket, which answers once.
    type Connection = Option<Connection>;

    async fn connect(&self) -> Result<Option<Connection>, Reason> {
        let Place::Page(page) = &self.place else { return Ok(None) };
        page.connect(&self.visitor).await.map(Some)
    }

    async fn look(&mut self, connection: &mut Option<Connection>) -> Result<Reading, Reason> {
        let text = match (&self.place, connection) {
            (Place::Page(page), Some(connection)) => page.text(connection).await?,
            (Place::Page(page), None) => return Err(page.reason("isn't connected", &"")),
            (Place::Socket(path), _) => socket::ask(path, P::COMMAND.unwrap_or_default()).await?,
        };
        let mut reading = Reading::default();
        let read = P::read(&text, &self.name, &mut reading);
        read.map_err(|(what, why)| Reason::new(format_args!("{} {what}: {why}", self.place)))?;
        Ok(reading)
    }
}
