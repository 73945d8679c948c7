//! Reads the arguments of `#[in_flight(…)]`, going on after a fault so that all are reported.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, LitStr, Token};

/// The arguments as they stand, before they are held against each other.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) name: Option<LitStr>,
    /// The key stands there, be its value readable or not.
    pub(crate) is_named: bool,
    pub(crate) limit: Option<Expr>,
    pub(crate) labels: Vec<Label>,
}

/// One `name = expression` within `labels(…)`.
pub(crate) struct Label {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

impl Label {
    /// The label's name without the `r#` that lets a keyword be one.
    pub(crate) fn text(&self) -> String {
        self.name.unraw().to_string()
    }
}

impl Parse for Label {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Ident::parse_any(input)?;
        if input.is_empty() {
            // The end of the input has no place of its own to point at.
            return Err(syn::Error::new(name.span(), format!("expected `{name} = expression`")));
        }
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

/// Reads `tokens`; what can't be read is pushed to `faults` and left out.
pub(crate) fn arguments(tokens: TokenStream, faults: &mut Faults) -> Arguments {
    let mut found = Arguments::default();
    for argument in split_at_commas(tokens) {
        let result = (|input: ParseStream<'_>| found.take(input)).parse2(argument);
        faults.keep(result);
    }
    found
}

impl Arguments {
    fn take(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let key = input.call(Ident::parse_any)?;
        match key.to_string().as_str() {
            "name" => {
                self.is_named = true;
                input.parse::<Token![=]>()?;
                once(&mut self.name, &key, input.parse()?)
            }
            "limit" => {
                input.parse::<Token![=]>()?;
                once(&mut self.limit, &key, input.parse()?)
            }
            "labels" => self.take_labels(input),
            other => Err(syn::Error::new(
                key.span(),
                format!("unknown argument `{other}`: expected `name`, `limit` or `labels`"),
            )),
        }
    }

    fn take_labels(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let content;
        syn::parenthesized!(content in input);
        let mut faults = Faults::default();
        for label in split_at_commas(content.parse()?) {
            if let Some(label) = faults.keep(syn::parse2::<Label>(label)) {
                self.labels.push(label);
            }
        }
        faults.into_result()
    }
}

fn once<T>(slot: &mut Option<T>, key: &Ident, value: T) -> syn::Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new(key.span(), format!("`{key}` is given twice")));
    }
    *slot = Some(value);
    Ok(())
}

/// Cuts at the commas outside any bracket. Commas between the angle brackets of a generic path
/// (`f::<A, B>()`) count as outside: such an expression needs parentheses.
fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => parts.push(Vec::new()),
            (_, Some(part)) => part.push(token),
            (_, None) => {}
        }
    }
    parts.into_iter().filter(|part| !part.is_empty()).map(TokenStream::from_iter).collect()
}

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
