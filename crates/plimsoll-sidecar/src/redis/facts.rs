//! What a stream, its groups and its entries say of themselves.

use redis::{FromRedisValue, Value};
use std::collections::HashMap;

/// Ids before this aren't times: streams are younger (2017).
const MS_MIN: u64 = 1_483_228_800_000;

/// An entry's id: its time in milliseconds and its number within that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) ms: u64,
    pub(super) number: u64,
}

/// What a stream, or a group of one, says of itself.
pub(super) struct Facts(pub(super) HashMap<String, Value>);

impl Facts {
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|value| {
            let bytes: Vec<u8> = redis::from_redis_value_ref(value).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
    }

    pub(super) fn id(&self, name: &str) -> Option<Id> {
        Id::parse(&self.text(name)?)
    }

    /// Returns the first entry of a stream that has one.
    pub(super) fn first(&self) -> Option<Id> {
        let (id, _fields): (String, Value) = self.get("first-entry")?;
        Id::parse(&id)
    }

    /// Reads a fact; one that is null, or that this version doesn't know, isn't known.
    fn get<T: FromRedisValue>(&self, name: &str) -> Option<T> {
        redis::from_redis_value_ref::<Option<T>>(self.0.get(name)?).ok().flatten()
    }
}

impl Id {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ms, number) = text.split_once('-')?;
        Some(Self { ms: ms.parse().ok()?, number: number.parse().ok()? })
    }

    /// Returns its place in the order of all ids.
    pub(super) fn place(self) -> u128 {
        u128::from(self.ms) << 64 | u128::from(self.number)
    }

    /// Says whether it was made from a time, and not by the producer itself.
    pub(super) fn is_time(self) -> bool {
        self.ms >= MS_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_the_order_of_their_numbers_and_not_of_their_texts() {
        let ids = ["9-0", "10-2", "10-10"].map(|text| Id::parse(text).unwrap());
        assert!(ids.is_sorted());
        assert_eq!((Id::parse("10"), Id::parse("a-1")), (None, None));
    }

    #[test]
    fn a_fact_that_is_null_is_not_known() {
        let facts =
            Facts([("lag".to_owned(), Value::Nil), ("pending".to_owned(), Value::Int(3))].into());
        assert_eq!(facts.number("lag"), None);
        assert_eq!(facts.number("pending"), Some(3));
        assert_eq!(facts.number("entries-read"), None);
    }
}
