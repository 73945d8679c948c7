//! What instances of one name share.

use super::families::overflow_of;
use plimsoll_model::Labels;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Everything that instances share, by what they are and how they are labelled.
pub(super) struct Shared {
    variants: HashMap<(TypeId, &'static str), HashMap<Labels, Anything>>,
    label_sets_max: usize,
}

type Anything = Arc<dyn Any + Send + Sync>;

impl Shared {
    pub(super) fn new(label_sets_max: usize) -> Self {
        Self { variants: HashMap::new(), label_sets_max }
    }

    /// Says whether the label set would pass the variant's bound.
    pub(super) fn overflows<T: Any>(&self, variant: &'static str, labels: &Labels) -> bool {
        self.variants.get(&(TypeId::of::<T>(), variant)).is_some_and(|instances| {
            instances.len() >= self.label_sets_max && !instances.contains_key(labels)
        })
    }

    /// Returns what is there under these labels; beyond the bound, under those of the overflow.
    pub(super) fn get<T: Any + Send + Sync>(
        &mut self,
        variant: &'static str,
        mut labels: Labels,
        make: impl FnOnce(&Labels) -> T,
    ) -> Arc<T> {
        if self.overflows::<T>(variant, &labels) {
            labels = overflow_of(&labels);
        }
        let instances = self.variants.entry((TypeId::of::<T>(), variant)).or_default();
        let known = instances.get(&labels).map(|known| Arc::clone(known).downcast::<T>());
        if let Some(Ok(known)) = known {
            return known;
        }
        let made = Arc::new(make(&labels));
        instances.insert(labels, Arc::clone(&made) as _);
        made
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map()
            .entries(self.variants.iter().map(|((_, variant), known)| (variant, known.len())))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_one_name_share_and_those_beyond_the_bound_too() {
        let mut shared = Shared::new(2);
        let mut get = |variant, name: &str| {
            let labels = Labels::new([("lock", name)]).expect("valid");
            shared.get(variant, labels, |labels| labels.to_string())
        };
        let first = get("mutex", "a");
        assert!(Arc::ptr_eq(&first, &get("mutex", "a")));
        assert!(!Arc::ptr_eq(&first, &get("rwlock", "a")));
        get("mutex", "b");
        let beyond = get("mutex", "c");
        assert_eq!(*beyond, r#"{lock="overflow"}"#);
        assert!(Arc::ptr_eq(&beyond, &get("mutex", "d")));
        assert!(Arc::ptr_eq(&first, &get("mutex", "a")), "what was there stays");
    }
}
