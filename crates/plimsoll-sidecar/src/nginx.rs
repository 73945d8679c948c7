//! nginx, by its `stub_status` page.

use crate::paged::{PageConfig, StatusPage};
use crate::reading::labelled;
use crate::{CollectorConfig, Flag, Reading};
use plimsoll_model::catalog;

/// nginx, by its `stub_status` page.
#[derive(Clone, Debug, PartialEq)]
pub struct Nginx;

/// Where the page is.
pub type NginxConfig = PageConfig<Nginx>;

impl StatusPage for Nginx {
    const FLAGS: &'static [Flag] = &[Flag {
        name: "nginx",
        value: Some("URL"),
        help: "An nginx, by its stub_status page; may be repeated",
        read: |url| Ok(CollectorConfig::Nginx(url.parse()?)),
    }];

    fn read(
        text: &str,
        server: &str,
        reading: &mut Reading,
    ) -> Result<(), (&'static str, &'static str)> {
        let status = Status::parse(text).ok_or(("is no page of", "stub_status"))?;
        status.write(server, reading);
        Ok(())
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
