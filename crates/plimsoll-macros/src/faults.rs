use proc_macro2::Span;

/// The faults of one use of a macro, all reported together.
#[derive(Default)]
pub(crate) struct Faults(Option<syn::Error>);

impl Faults {
    /// Adds a fault that stands at `span`.
    pub(crate) fn push(&mut self, span: Span, what: impl std::fmt::Display) {
        self.add(syn::Error::new(span, what));
    }

    /// Takes a result apart into its value and its fault.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|fault| self.add(fault)).ok()
    }

    /// Returns every fault as one error, if there is any.
    pub(crate) fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }

    fn add(&mut self, fault: syn::Error) {
        match &mut self.0 {
            Some(faults) => faults.combine(fault),
            None => self.0 = Some(fault),
        }
    }
}
