//! Guards of a part of a value.

/// Gives a guard the ways to become one of a part.
macro_rules! part_guard {
    (
        [$($generics:tt)*] $from:ty => $to:ident: $to_type:ty,
        $original:ident[$($bound:tt)*]($part:ty => $out:ty), { $($kept:ident),* }
    ) => {
        impl<$($generics)*> $from {
            /// Makes a guard of a part of the value.
            pub fn map<$($bound)*>(guard: Self, part: impl FnOnce($part) -> $out) -> $to_type {
                let Self { $($kept,)* inner } = guard;
                $to { $($kept,)* inner: tokio::sync::$original::map(inner, part) }
            }

            /// Makes a guard of a part of the value, if there is one.
            ///
            /// # Errors
            /// There is none; it gives the guard back.
            pub fn try_map<$($bound)*>(
                guard: Self,
                part: impl FnOnce($part) -> Option<$out>,
            ) -> Result<$to_type, Self> {
                let Self { $($kept,)* inner } = guard;
                match tokio::sync::$original::try_map(inner, part) {
                    Ok(inner) => Ok($to { $($kept,)* inner }),
                    Err(inner) => Err(Self { $($kept,)* inner }),
                }
            }
        }
    };
}

pub(super) use part_guard;
