//! What every guard of a lock has: access to the value, and its formatting.

/// Gives a guard with the fields `hold` and `inner` shared access to the value.
macro_rules! shared_guard {
    ($guard:ident<$($lifetime:lifetime,)? T>) => {
        impl<T> std::ops::Deref for $guard<$($lifetime,)? T> {
            type Target = T;

            fn deref(&self) -> &T {
                self.hold.note_use();
                &self.inner
            }
        }

        impl<T: std::fmt::Debug> std::fmt::Debug for $guard<$($lifetime,)? T> {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, out)
            }
        }

        impl<T: std::fmt::Display> std::fmt::Display for $guard<$($lifetime,)? T> {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, out)
            }
        }
    };
}

/// Gives a guard with the fields `hold` and `inner` exclusive access to the value.
macro_rules! exclusive_guard {
    ($guard:ident<$($lifetime:lifetime,)? T>) => {
        $crate::sync::tokio::guard::shared_guard!($guard<$($lifetime,)? T>);

        impl<T> std::ops::DerefMut for $guard<$($lifetime,)? T> {
            fn deref_mut(&mut self) -> &mut T {
                self.hold.note_use();
                &mut self.inner
            }
        }
    };
}

pub(crate) use {exclusive_guard, shared_guard};
