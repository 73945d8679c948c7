use super::{Store, StoreError, Stored};
use crate::redis::Redis;
use crate::{Entry, Fresh, Written};
use redis::Script;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Keeps values in Redis, for all processes of a fleet.
///
/// A value is a hash of its bytes, its generation and how long it took to build; its age is what has
/// passed of its time to live, so that one clock says it, the server's. Each call is one script, and so
/// one step and one round trip; writes are fenced. Keys are `PREFIX:value:KEY`, and the generations
/// count in `PREFIX:generation`, which is one key whatever the number of values.
pub struct RedisStore<V> {
    redis: Redis,
    prefix: String,
    value_bytes_max: usize,
    scripts: Scripts,
    value: PhantomData<fn() -> V>,
}

#[derive(Debug)]
struct Scripts {
    get: Script,
    put: Script,
    remove: Script,
    issue: Script,
}

/// What `GET` answers: the value's bytes, and as text the generation, microseconds of the rebuild and
/// milliseconds to keep it; milliseconds left.
type Found = (Option<Vec<u8>>, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, i64);

const GET: &str = "
local kept = redis.call('HMGET', KEYS[1], 'value', 'generation', 'rebuild_us', 'keep_ms')
if not kept[2] then return false end
return {kept[1], kept[2], kept[3], kept[4], redis.call('PTTL', KEYS[1])}";

const PUT: &str = "
local previous = redis.call('HGET', KEYS[1], 'generation')
-- What no generation of ours is refuses nobody.
if previous and not string.match(previous, '^%d+$') then previous = false end
if ARGV[1] == 'fenced' and previous and tonumber(previous) > tonumber(ARGV[3]) then
  return {0, previous}
end
if redis.call('HEXISTS', KEYS[1], 'value') == 0 then previous = false end
redis.call('HSET', KEYS[1],
  'value', ARGV[2], 'generation', ARGV[3], 'rebuild_us', ARGV[4], 'keep_ms', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {1, previous}";

/// Counts by the server's clock, so that generations go on after the counter was lost.
pub(crate) const NEXT: &str = "
local function next_number(counter)
  local time = redis.call('TIME')
  local last = tonumber(redis.call('GET', counter) or '0')
  local number = math.max(time[1] * 1000000 + time[2], last + 1)
  local text = string.format('%.0f', number)
  redis.call('SET', counter, text)
  return text
end";

const ISSUE: &str = "return next_number(KEYS[1])";

const REMOVE: &str = "
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1],
  'generation', next_number(KEYS[2]), 'rebuild_us', 0, 'keep_ms', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])";

impl<V: Stored> RedisStore<V> {
    /// Keeps values of up to 1 MiB under keys that begin with `prefix`.
    pub fn new(redis: Redis, prefix: impl Into<String>) -> Self {
        let scripts = Scripts {
            get: Script::new(GET),
            put: Script::new(PUT),
            remove: Script::new(&format!("{NEXT}{REMOVE}")),
            issue: Script::new(&format!("{NEXT}\n{ISSUE}")),
        };
        let value = PhantomData;
        Self { redis, prefix: prefix.into(), value_bytes_max: 1 << 20, scripts, value }
    }

    /// Takes values of up to so many bytes; larger ones are served, and not stored.
    #[must_use]
    pub fn value_bytes_max(mut self, value_bytes_max: usize) -> Self {
        self.value_bytes_max = value_bytes_max;
        self
    }

    fn key(&self, key: &str) -> String {
        format!("{}:value:{key}", self.prefix)
    }

    fn counter(&self) -> String {
        format!("{}:generation", self.prefix)
    }

    async fn write(
        &self,
        key: &str,
        fresh: Fresh<'_, V>,
        mode: &'static str,
    ) -> Result<Written, StoreError> {
        let bytes = fresh.value.to_bytes();
        if bytes.len() > self.value_bytes_max {
            let bytes_max = self.value_bytes_max;
            return Err(StoreError::TooLarge { bytes: bytes.len(), bytes_max });
        }
        let rebuild_us = u64::try_from(fresh.rebuild.as_micros()).unwrap_or(u64::MAX);
        let mut put = self.scripts.put.key(self.key(key));
        put.arg(mode).arg(bytes).arg(fresh.generation).arg(rebuild_us).arg(ms(fresh.keep));
        let (is_stored, previous): (bool, Option<u64>) = self.redis.run(&put).await?;
        match (is_stored, previous) {
            (false, Some(by)) => Ok(Written::Refused { by }),
            (_, previous) => Ok(Written::Stored { previous }),
        }
    }
}

impl<V: Stored + Clone + Send + Sync + 'static> Store for RedisStore<V> {
    type Value = V;
    const FENCED: bool = true;

    async fn get(&self, key: &str) -> Result<Option<Entry<V>>, StoreError> {
        let name = self.key(key);
        let found: Option<Found> = self.redis.run(&self.scripts.get.key(name.as_str())).await?;
        let Some((Some(bytes), generation, rebuild_us, keep_ms, left_ms)) = found else {
            return Ok(None);
        };
        let entry = || {
            let keep_ms = number(&keep_ms?)?;
            let left_ms = u64::try_from(left_ms).unwrap_or_default();
            Some(Entry {
                value: V::from_bytes(&bytes)?,
                age: Duration::from_millis(keep_ms.saturating_sub(left_ms)),
                is_skewed: left_ms > keep_ms,
                rebuild: Duration::from_micros(number(&rebuild_us?)?),
                generation: number(&generation)?,
            })
        };
        entry().map(Some).ok_or(StoreError::Unreadable { key: name })
    }

    async fn put(&self, key: &str, fresh: Fresh<'_, V>) -> Result<Written, StoreError> {
        self.write(key, fresh, "unfenced").await
    }

    async fn remove(&self, key: &str, keep: Duration) -> Result<(), StoreError> {
        let mut remove = self.scripts.remove.key(self.key(key));
        remove.key(self.counter()).arg(ms(keep));
        self.redis.run(&remove).await
    }

    async fn issue(&self, _key: &str) -> Result<Option<u64>, StoreError> {
        self.redis.run(&self.scripts.issue.key(self.counter())).await
    }

    async fn put_if_generation(
        &self,
        key: &str,
        fresh: Fresh<'_, V>,
    ) -> Result<Written, StoreError> {
        self.write(key, fresh, "fenced").await
    }
}

/// Reads a number that this program has written.
fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Milliseconds for Redis, which has no shorter time to live.
pub(crate) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).clamp(1, MS_MAX)
}

/// A thousand years: what is added to the time of day must not overflow.
const MS_MAX: i64 = 1_000 * 365 * 86_400_000;

impl<V> fmt::Debug for RedisStore<V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
