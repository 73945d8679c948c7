//! Targets from the records of names.

use super::found::Found;
use crate::config::{Records, TargetGroup};
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::proto::{ProtoErrorKind, op::ResponseCode};
use hickory_resolver::{ResolveError, TokioResolver};
use plimsoll_store::LabelMap;
use std::collections::BTreeMap;
use std::time::Duration;

const NAME: &str = "__meta_dns_name";
const SRV_TARGET: &str = "__meta_dns_srv_record_target";
const SRV_PORT: &str = "__meta_dns_srv_record_port";

/// Names that are asked for again and again.
#[derive(Debug)]
pub(super) struct NameFinder {
    pub(super) resolver: TokioResolver,
    pub(super) names: Vec<String>,
    pub(super) records: Records,
    pub(super) port: u16,
    pub(super) refresh: Duration,
    pub(super) known: BTreeMap<String, Known>,
    pub(super) is_asked: bool,
}

/// One name and what it gave last.
#[derive(Debug, Default)]
pub(super) struct Known {
    groups: Vec<TargetGroup>,
    error: Option<String>,
}

/// Makes a resolver that asks whom the system asks, and remembers nothing itself.
///
/// # Errors
/// The system's configuration can't be read.
pub(super) fn resolver() -> Result<TokioResolver, ResolveError> {
    let mut builder = TokioResolver::builder_tokio()?;
    builder.options_mut().cache_size = 0;
    Ok(builder.build())
}

impl NameFinder {
    /// Returns what the names give as soon as it is news.
    pub(super) async fn next(&mut self) -> Found {
        loop {
            if std::mem::replace(&mut self.is_asked, true) {
                tokio::time::sleep(self.refresh).await;
            }
            if self.ask().await {
                return self.found();
            }
        }
    }

    fn found(&self) -> Found {
        let groups = self.known.values().flat_map(|name| name.groups.clone()).collect();
        let errors: Vec<String> =
            self.known.values().filter_map(|name| name.error.clone()).collect();
        Found { groups, error: (!errors.is_empty()).then(|| errors.join("; ")) }
    }

    /// Asks for every name and says whether there is news.
    async fn ask(&mut self) -> bool {
        let mut is_news = false;
        for name in &self.names {
            let answer = lookup(&self.resolver, name, self.records, self.port).await;
            let known = self.known.entry(name.clone()).or_default();
            match answer {
                Ok(groups) => {
                    is_news |= known.groups != groups || known.error.is_some();
                    *known = Known { groups, error: None };
                }
                // Who doesn't answer hasn't said that the targets are gone.
                Err(error) => {
                    let error = Some(format!("{name}: {error}"));
                    is_news |= known.error != error;
                    known.error = error;
                }
            }
        }
        is_news
    }
}

/// Asks for one name; a name without such records has no target.
async fn lookup(
    resolver: &TokioResolver,
    name: &str,
    records: Records,
    port: u16,
) -> Result<Vec<TargetGroup>, ResolveError> {
    let kind = match records {
        Records::A => RecordType::A,
        Records::Aaaa => RecordType::AAAA,
        Records::Srv => RecordType::SRV,
    };
    let answer = match resolver.lookup(name, kind).await {
        Ok(answer) => answer,
        Err(error) if says_none(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut groups: Vec<TargetGroup> =
        answer.iter().filter_map(|data| group(name, data, port)).collect();
    groups.sort_by(|one, other| one.targets.cmp(&other.targets));
    Ok(groups)
}

fn says_none(error: &ResolveError) -> bool {
    matches!(
        error.proto().map(hickory_resolver::proto::ProtoError::kind),
        Some(ProtoErrorKind::NoRecordsFound {
            response_code: ResponseCode::NXDomain | ResponseCode::NoError,
            ..
        })
    )
}

fn group(name: &str, data: &RData, port: u16) -> Option<TargetGroup> {
    let mut labels = LabelMap::from([(NAME.to_owned(), name.to_owned())]);
    let target = match data {
        RData::A(address) => format!("{}:{port}", address.0),
        RData::AAAA(address) => format!("[{}]:{port}", address.0),
        RData::SRV(service) => {
            let host = service.target().to_string();
            labels.insert(SRV_TARGET.into(), host.clone());
            labels.insert(SRV_PORT.into(), service.port().to_string());
            format!("{}:{}", host.trim_end_matches('.'), service.port())
        }
        _ => return None,
    };
    Some(TargetGroup { targets: vec![target], labels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::config::{NameServerConfig, ResolverConfig};
    use hickory_resolver::name_server::TokioConnectionProvider;
    use hickory_resolver::proto::op::{Message, MessageType};
    use hickory_resolver::proto::rr::rdata::{A, AAAA, SRV};
    use hickory_resolver::proto::rr::{Name, Record};
    use hickory_resolver::proto::xfer::Protocol;
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};
    use tokio::net::UdpSocket;

    /// What the server says to every question.
    #[derive(Clone, Debug)]
    enum Says {
        Records(Vec<RData>),
        Code(ResponseCode),
    }

    /// A name server on loopback that gives one answer.
    async fn server(says: Says) -> (SocketAddr, Arc<Mutex<Says>>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("its address");
        let says = Arc::new(Mutex::new(says));
        let answers = says.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 1_500];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let mut message = Message::from_vec(&buffer[..length]).expect("a question");
                let name = message.query().expect("one question").name().clone();
                message.set_message_type(MessageType::Response).set_authoritative(true);
                match answers.lock().expect("unpoisoned").clone() {
                    Says::Code(code) => drop(message.set_response_code(code)),
                    Says::Records(all) => {
                        let record = |data| Record::from_rdata(name.clone(), 1, data);
                        message.insert_answers(all.into_iter().map(record).collect());
                    }
                }
                let bytes = message.to_vec().expect("an answer");
                drop(socket.send_to(&bytes, peer).await);
            }
        });
        (address, says)
    }

    fn finder(server: SocketAddr, records: Records) -> NameFinder {
        let mut config = ResolverConfig::new();
        config.add_name_server(NameServerConfig::new(server, Protocol::Udp));
        let mut builder =
            TokioResolver::builder_with_config(config, TokioConnectionProvider::default());
        builder.options_mut().cache_size = 0;
        NameFinder {
            resolver: builder.build(),
            names: vec!["shop.test.".into()],
            records,
            port: 8080,
            refresh: Duration::from_millis(20),
            known: BTreeMap::new(),
            is_asked: false,
        }
    }

    fn addresses(found: &Found) -> Vec<&str> {
        found.groups.iter().flat_map(|group| &group.targets).map(String::as_str).collect()
    }

    #[tokio::test]
    async fn each_record_is_a_target_with_prometheus_s_labels() {
        let host = Name::from_ascii("one.shop.test.").expect("a name");
        let service = RData::SRV(SRV::new(0, 0, 9100, host));
        let (at, _) = server(Says::Records(vec![service])).await;
        let found = finder(at, Records::Srv).next().await;
        assert_eq!(addresses(&found), ["one.shop.test:9100"]);
        let labels = &found.groups[0].labels;
        assert_eq!((&*labels[NAME], &*labels[SRV_TARGET]), ("shop.test.", "one.shop.test."));
        assert_eq!(labels[SRV_PORT], "9100");

        let two = vec![RData::A(A::new(10, 0, 0, 2)), RData::A(A::new(10, 0, 0, 1))];
        let (at, _) = server(Says::Records(two)).await;
        let found = finder(at, Records::A).next().await;
        assert_eq!(addresses(&found), ["10.0.0.1:8080", "10.0.0.2:8080"]);

        let six = RData::AAAA(AAAA::new(0, 0, 0, 0, 0, 0, 0, 1));
        let (at, _) = server(Says::Records(vec![six])).await;
        let found = finder(at, Records::Aaaa).next().await;
        assert_eq!(addresses(&found), ["[::1]:8080"]);
    }

    #[tokio::test]
    async fn a_server_that_fails_takes_no_target_away_and_one_that_says_none_does() {
        let (at, says) = server(Says::Records(vec![RData::A(A::new(10, 0, 0, 1))])).await;
        let mut finder = finder(at, Records::A);
        assert_eq!(addresses(&finder.next().await), ["10.0.0.1:8080"]);
        *says.lock().expect("unpoisoned") = Says::Code(ResponseCode::ServFail);
        let found = finder.next().await;
        assert_eq!(addresses(&found), ["10.0.0.1:8080"], "they stay");
        assert!(found.error.expect("and it is told").starts_with("shop.test.: "));
        *says.lock().expect("unpoisoned") = Says::Code(ResponseCode::NXDomain);
        let found = finder.next().await;
        assert_eq!((addresses(&found), &found.error), (vec![], &None));
    }
}
