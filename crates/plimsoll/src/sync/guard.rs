//! What every guard of a lock has: access to the value, and its formatting.

/// Gives a guard with the fields `hold` and `inner` shared access to the value `T`.
macro_rules! shared_guard {
    ([$($generics:tt)*] $guard:ty) => {
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                self.hold.note_use();
                &self.inner
            }
        }

        impl<$($generics)*> std::fmt::Debug for $guard
        where
            T: std::fmt::Debug,
        {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, out)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard
        where
            T: std::fmt::Display,
        {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, out)
            }
        }
    };
}

/// Gives a guard with the fields `hold` and `inner` exclusive access to the value `T`.
macro_rules! exclusive_guard {
    ([$($generics:tt)*] $guard:ty) => {
        $crate::sync::guard::shared_guard!([$($generics)*] $guard);

        impl<$($generics)*> std::ops::DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                self.hold.note_use();
                &mut self.inner
            }
        }
    };
}

pub(crate) use {exclusive_guard, shared_guard};
