use crate::World;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::Counter;

/// Ages between two clocks. One below zero is zero, and counted: the clocks differ.
pub(crate) struct Skew(Option<Counter>);

impl Skew {
    pub(crate) fn new(world: &World) -> Self {
        Self(world.registry.counter(&catalog::CLOCK_SKEW, Labels::default()).ok())
    }

    /// Makes one that counts nowhere.
    #[cfg(test)]
    pub(crate) fn unseen() -> Self {
        Self(None)
    }

    /// Returns the age, in the unit in which it is given.
    pub(crate) fn age(&self, age: f64) -> f64 {
        if age < 0.0
            && let Some(counter) = &self.0
        {
            counter.add(1);
        }
        age.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::TimeMs;
    use plimsoll_record::Registry;
    use plimsoll_runtime::clock::ManualClock;
    use plimsoll_runtime::shutdown;
    use std::sync::Arc;

    #[test]
    fn an_age_below_zero_is_zero_and_counted() {
        let world = World {
            name: "test".into(),
            pace: crate::Pace::EACH_SECOND,
            proc_root: "/proc".into(),
            sys_root: "/sys".into(),
            machine: Arc::new(crate::process::Machine::new("/proc".as_ref())),
            listeners: Arc::default(),
            registry: Registry::new(),
            own: Registry::new(),
            clock: Arc::new(ManualClock::new(TimeMs(0))),
            stop: shutdown::channel().1,
        };
        let skew = Skew::new(&world);
        assert_eq!((skew.age(-1.5), skew.age(2.5)), (0.0, 2.5));
        let snapshot = world.registry.snapshot();
        let family =
            snapshot.families.iter().find(|family| family.name == catalog::CLOCK_SKEW.name);
        let values: Vec<_> = family.unwrap().series.iter().map(|series| &series.value).collect();
        assert!(matches!(values.as_slice(), [plimsoll_model::Value::Count(1)]), "{values:?}");
    }
}
