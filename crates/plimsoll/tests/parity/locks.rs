//! Locks and semaphores.

use crate::{REGISTRY, operations, programs};
use plimsoll::sync::{parking_lot as parking, std as standard, tokio as mirror};
use proptest::prelude::*;
use std::sync::Arc;

/// Writes a program on a read-write lock whose guards say whether there is one.
macro_rules! on_rwlock {
    ($name:ident, $lock:expr, $ok:ident) => {
        fn $name(operations: &[(u8, u8)]) -> Vec<String> {
            let lock = $lock;
            let (mut readers, mut writer) = (Vec::new(), None);
            let mut said = Vec::new();
            for (which, of) in operations {
                said.push(match which {
                    0..=3 => match lock.try_read().$ok() {
                        Some(reader) => {
                            let read = format!("{reader:?} {}", *reader);
                            readers.push(reader);
                            read
                        }
                        None => "busy".to_owned(),
                    },
                    4..=6 => match lock.try_write().$ok() {
                        Some(mut new) => {
                            *new += u32::from(*of);
                            let read = format!("{new:?}");
                            writer = Some(new);
                            read
                        }
                        None => "busy".to_owned(),
                    },
                    7..=8 => format!("{}", readers.pop().is_some()),
                    9 => format!("{}", writer.take().is_some()),
                    _ => format!("{lock:?}"),
                });
            }
            drop((readers, writer));
            said.push(format!("{:?}", lock.into_inner()));
            said
        }
    };
}

/// Takes an option as it is, as results are taken.
trait Itself: Sized {
    fn itself(self) -> Self {
        self
    }
}

impl<T> Itself for Option<T> {}

on_rwlock!(original_tokio, tokio::sync::RwLock::new(0_u32), ok);
on_rwlock!(mirrored_tokio, mirror::RwLock::named_in(&REGISTRY, "ledger", 0_u32), ok);
on_rwlock!(original_std, std::sync::RwLock::new(0_u32), ok);
on_rwlock!(mirrored_std, standard::RwLock::named_in(&REGISTRY, "ledger", 0_u32), ok);
on_rwlock!(original_parking, parking_lot::RwLock::new(0_u32), itself);
on_rwlock!(mirrored_parking, parking::RwLock::named_in(&REGISTRY, "ledger", 0_u32), itself);

/// Writes a program on a lock whose readers may become the writer.
macro_rules! on_upgradable {
    ($name:ident, $module:ident, $lock:expr) => {
        fn $name(operations: &[(u8, u8)]) -> Vec<String> {
            use $module::{RwLockUpgradableReadGuard, RwLockWriteGuard};
            let lock = $lock;
            let (mut readers, mut upgradable, mut writer) = (Vec::new(), None, None);
            let mut said = Vec::new();
            for (which, of) in operations {
                match which {
                    0..=1 => readers.extend(lock.try_read()),
                    2 => drop(readers.pop()),
                    3..=4 if upgradable.is_none() => upgradable = lock.try_upgradable_read(),
                    5..=6 => match upgradable.take().map(RwLockUpgradableReadGuard::try_upgrade) {
                        Some(Ok(upgraded)) => writer = Some(upgraded),
                        Some(Err(still)) => upgradable = Some(still),
                        None => {}
                    },
                    7 => match writer.take() {
                        Some(mut guard) if of % 2 == 0 => {
                            *guard += u32::from(*of);
                            upgradable = Some(RwLockWriteGuard::downgrade_to_upgradable(guard));
                        }
                        Some(guard) => readers.push(RwLockWriteGuard::downgrade(guard)),
                        None => {}
                    },
                    8 => {
                        readers.extend(upgradable.take().map(RwLockUpgradableReadGuard::downgrade))
                    }
                    9 => drop(writer.take()),
                    10 => drop(upgradable.take()),
                    _ if readers.is_empty() => {
                        if let Some(guard) = &mut upgradable {
                            guard.with_upgraded(|value| *value += 1);
                        }
                    }
                    _ => {}
                }
                said.push(format!(
                    "{} {} {} {} {}",
                    lock.is_locked(),
                    lock.is_locked_exclusive(),
                    readers.len(),
                    upgradable.is_some(),
                    writer.is_some(),
                ));
            }
            drop((readers, upgradable, writer));
            said.push(lock.into_inner().to_string());
            said
        }
    };
}

on_upgradable!(original_upgradable, parking_lot, parking_lot::RwLock::new(0_u32));
on_upgradable!(mirrored_upgradable, parking, parking::RwLock::named_in(&REGISTRY, "ledger", 0_u32));

/// Writes a program on a semaphore.
macro_rules! on_semaphore {
    ($name:ident, $semaphore:expr) => {
        fn $name(operations: &[(u8, u8)]) -> Vec<String> {
            let semaphore = Arc::new($semaphore);
            let (mut permits, mut owned) = (Vec::new(), Vec::new());
            let mut said = Vec::new();
            for (which, of) in operations {
                let many = u32::from(of % 5);
                said.push(match which {
                    0..=3 => match semaphore.try_acquire_many(many) {
                        Ok(some) => {
                            let many = some.num_permits().to_string();
                            permits.push(some);
                            many
                        }
                        Err(error) => format!("{error:?}"),
                    },
                    4..=6 => match Arc::clone(&semaphore).try_acquire_many_owned(many) {
                        Ok(some) => {
                            let many = some.num_permits().to_string();
                            owned.push(some);
                            many
                        }
                        Err(error) => format!("{error:?}"),
                    },
                    7 => format!("{}", permits.pop().is_some()),
                    8 => format!("{}", owned.pop().is_some()),
                    9 => {
                        semaphore.add_permits(1);
                        permits.pop().into_iter().for_each(|some| some.forget());
                        String::new()
                    }
                    10 => semaphore.forget_permits(usize::from(of % 3)).to_string(),
                    _ if *of < 16 => {
                        semaphore.close();
                        semaphore.is_closed().to_string()
                    }
                    _ => String::new(),
                });
                said.push(semaphore.available_permits().to_string());
            }
            said
        }
    };
}

on_semaphore!(original_semaphore, tokio::sync::Semaphore::new(6));
on_semaphore!(mirrored_semaphore, mirror::Semaphore::named_in(&REGISTRY, "db", 6));

proptest! {
    #![proptest_config(programs())]

    #[test]
    fn locks_answer_as_the_originals(operations in operations()) {
        prop_assert_eq!(original_tokio(&operations), mirrored_tokio(&operations));
        prop_assert_eq!(original_std(&operations), mirrored_std(&operations));
        prop_assert_eq!(original_parking(&operations), mirrored_parking(&operations));
        prop_assert_eq!(original_upgradable(&operations), mirrored_upgradable(&operations));
        prop_assert_eq!(original_semaphore(&operations), mirrored_semaphore(&operations));
    }
}
