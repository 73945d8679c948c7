use super::{Needs, Role};
use crate::decode::error::Fault;
use crate::decode::line::{Kind, Part};
use hashbrown::HashSet;

/// OpenMetrics: a family's lines stand together, metadata first, and a sample's suffix is one of
/// its family's type.
#[derive(Default)]
pub(in crate::decode) struct Families<'b> {
    current: Current<'b>,
    /// The families that are over and may not come again.
    closed: HashSet<&'b str>,
}

/// The family whose lines are being read; its name is empty before the first one.
#[derive(Default)]
struct Current<'b> {
    name: &'b str,
    kind: Option<Kind>,
    help: bool,
    unit: bool,
    sampled: bool,
}

impl<'b> Families<'b> {
    pub(super) fn describe(&mut self, family: &'b str, part: Part) -> Result<(), Fault> {
        if self.current.name != family {
            self.open(family)?;
        }
        let current = &mut self.current;
        if current.sampled {
            return Err(Fault::MetadataLate);
        }
        match part {
            Part::Help if current.help => return Err(Fault::HelpTwice),
            Part::Help => current.help = true,
            Part::Type(_) if current.kind.is_some() => return Err(Fault::TypeTwice),
            Part::Type(kind) => current.kind = Some(kind),
            Part::Unit if current.unit => return Err(Fault::UnitTwice),
            Part::Unit => current.unit = true,
        }
        Ok(())
    }

    pub(super) fn sample(&mut self, name: &'b str) -> Result<Role, Fault> {
        let role = match self.role_in_current(name) {
            Some(role) => role,
            None if self.current.name == name => return Err(Fault::Suffix),
            None => {
                self.open(name)?;
                Role::default()
            }
        };
        self.current.sampled = true;
        Ok(role)
    }

    fn open(&mut self, family: &'b str) -> Result<(), Fault> {
        if self.closed.contains(family) {
            return Err(Fault::FamilySplit);
        }
        let next = Current { name: family, ..Current::default() };
        let over = std::mem::replace(&mut self.current, next);
        self.closed.insert(over.name);
        Ok(())
    }

    fn role_in_current(&self, name: &str) -> Option<Role> {
        let suffix = name.strip_prefix(self.current.name)?;
        role(self.current.kind.unwrap_or(Kind::Unknown), suffix)
    }
}

/// Returns what a sample with `suffix` is to a family of `kind`, by OpenMetrics 1.0.
fn role(kind: Kind, suffix: &str) -> Option<Role> {
    let plain = Role::default();
    let with_exemplar = Role { exemplar: true, ..plain };
    let bucket = Role { needs: Needs::Le, exemplar: true };
    let quantile = Role { needs: Needs::Quantile, exemplar: false };
    match (kind, suffix) {
        (Kind::Counter, "_total") => Some(with_exemplar),
        (Kind::Histogram | Kind::GaugeHistogram, "_bucket") => Some(bucket),
        (Kind::Summary, "") => Some(quantile),
        (Kind::Histogram | Kind::Summary, "_count" | "_sum")
        | (Kind::Counter | Kind::Histogram | Kind::Summary, "_created")
        | (Kind::GaugeHistogram, "_gcount" | "_gsum")
        | (Kind::Info, "_info")
        | (Kind::Gauge | Kind::StateSet | Kind::Unknown, "") => Some(plain),
        _ => None,
    }
}
