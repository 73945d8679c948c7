use super::{Answer, Leases, Owner};
use crate::redis::Redis;
use crate::store::{NEXT, ms};
use redis::Script;
use std::fmt;
use std::time::Duration;

/// Keeps leases in Redis: `SET NX PX` with the owner's number, renewed and given back by scripts that
/// compare it first.
///
/// Keys are `PREFIX:lease:KEY`; the fencing tokens of all count in `PREFIX:token`, by the server's clock,
/// so that they go on ascending after the counter was lost. Where the leases' server isn't the values',
/// this works as well: the generations that fence writes are the values' own.
pub struct RedisLeases {
    redis: Redis,
    prefix: String,
    acquire: Script,
    renew: Script,
    release: Script,
    holder: Script,
}

const ACQUIRE: &str = "
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
  and redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
return next_number(KEYS[2])";

const RENEW: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

const RELEASE: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
return left";

const HOLDER: &str = "return redis.call('GET', KEYS[1])";

impl RedisLeases {
    /// Keeps leases under keys that begin with `prefix`.
    pub fn new(redis: Redis, prefix: impl Into<String>) -> Self {
        Self {
            redis,
            prefix: prefix.into(),
            acquire: Script::new(&format!("{NEXT}{ACQUIRE}")),
            renew: Script::new(RENEW),
            release: Script::new(RELEASE),
            holder: Script::new(HOLDER),
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}:lease:{key}", self.prefix)
    }
}

impl Leases for RedisLeases {
    fn try_acquire<'a>(
        &'a self,
        key: &'a str,
        owner: Owner,
        ttl: Duration,
    ) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let mut acquire = self.acquire.key(self.key(key));
            acquire.key(format!("{}:token", self.prefix)).arg(owner.to_string()).arg(ms(ttl));
            self.redis.run(&acquire).await
        })
    }

    fn renew<'a>(&'a self, key: &'a str, owner: Owner, ttl: Duration) -> Answer<'a, bool> {
        Box::pin(async move {
            let mut renew = self.renew.key(self.key(key));
            renew.arg(owner.to_string()).arg(ms(ttl));
            self.redis.run(&renew).await
        })
    }

    fn release<'a>(&'a self, key: &'a str, owner: Owner) -> Answer<'a, Option<Duration>> {
        Box::pin(async move {
            let mut release = self.release.key(self.key(key));
            release.arg(owner.to_string());
            let left_ms: Option<i64> = self.redis.run(&release).await?;
            Ok(left_ms.map(|left_ms| Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))))
        })
    }

    fn holder<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Owner>> {
        Box::pin(async move {
            let holder: Option<String> = self.redis.run(&self.holder.key(self.key(key))).await?;
            // What isn't a number of ours belongs to another program, and stays.
            Ok(holder.and_then(|holder| u128::from_str_radix(&holder, 16).ok()).map(Owner))
        })
    }
}

impl fmt::Debug for RedisLeases {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RedisLeases").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
