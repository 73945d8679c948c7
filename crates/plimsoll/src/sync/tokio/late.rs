use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// An original that is shared, as guards that own it need it to be. A constant can't make what is
/// shared, so it keeps the value until the first use.
pub(super) struct Late<T, L> {
    made: OnceLock<Arc<L>>,
    value: Mutex<Option<T>>,
    make: fn(T) -> L,
}

impl<T, L> Late<T, L> {
    /// Makes it at the first use.
    pub(super) const fn of(value: T, make: fn(T) -> L) -> Self {
        Self { made: OnceLock::new(), value: Mutex::new(Some(value)), make }
    }

    /// Makes it at once.
    pub(super) fn made(value: T, make: fn(T) -> L) -> Self {
        let made = OnceLock::from(Arc::new(make(value)));
        Self { made, value: Mutex::new(None), make }
    }

    #[inline]
    pub(super) fn get(&self) -> &Arc<L> {
        match self.made.get() {
            Some(made) => made,
            None => self.make(),
        }
    }

    #[cold]
    fn make(&self) -> &Arc<L> {
        self.made.get_or_init(|| {
            let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
            match value {
                Some(value) => Arc::new((self.make)(value)),
                None => unreachable!("what has no value any more is made"),
            }
        })
    }

    /// Returns it alone; the exclusive borrow is the proof that nobody else has it.
    pub(super) fn get_mut(&mut self) -> &mut L {
        self.get();
        match self.made.get_mut().and_then(Arc::get_mut) {
            Some(alone) => alone,
            None => unreachable!("an owned guard holds the whole lock until its part is back"),
        }
    }

    /// Takes it out.
    pub(super) fn into_inner(mut self) -> L {
        self.get();
        match self.made.take().map(Arc::try_unwrap) {
            Some(Ok(alone)) => alone,
            _ => unreachable!("an owned guard holds the whole lock until its part is back"),
        }
    }
}

impl<T, L: fmt::Debug> fmt::Debug for Late<T, L> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(out)
    }
}
