//! Reads the arguments of `#[in_flight(…)]`, going on after a fault so that all are reported.

use crate::arguments::{equals, once, split_at_commas};
use crate::faults::Faults;
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, LitStr};

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
        equals(input, &name, "expression")?;
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
                equals(input, &key, "\"…\"")?;
                once(&mut self.name, &key, input.parse()?)
            }
            "limit" => {
                equals(input, &key, "expression")?;
                once(&mut self.limit, &key, input.parse()?)
            }
            "labels" if input.is_empty() => {
                Err(syn::Error::new(key.span(), "expected `labels(name = expression)`"))
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
