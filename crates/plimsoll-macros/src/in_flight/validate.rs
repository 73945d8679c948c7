//! Holds the arguments and the function against what the signals can carry.

use super::parse::{Arguments, Label};
use crate::faults::Faults;
use plimsoll_model::catalog;
use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Expr, Lit, LitStr};

/// What an expansion is written from.
pub(crate) struct Operation {
    pub(crate) name: LitStr,
    pub(crate) limit: Option<Expr>,
    pub(crate) labels: Vec<Label>,
}

/// Checks the arguments; `None` only with a fault pushed.
pub(crate) fn operation(arguments: Arguments, faults: &mut Faults) -> Option<Operation> {
    let Arguments { name, is_named, limit, labels } = arguments;
    if let Some(zero) = limit.as_ref().filter(|limit| is_zero(limit)) {
        faults.push(zero.span(), "a limit of 0 lets nothing in: leave it out if there is none");
    }
    check_labels(&labels, faults);
    let Some(name) = name else {
        if !is_named {
            faults
                .push(Span::call_site(), "`name = \"…\"` is missing: it is the label `operation`");
        }
        return None;
    };
    if name.value().is_empty() {
        faults.push(name.span(), "the name is empty");
    }
    Some(Operation { name, limit, labels })
}

fn check_labels(labels: &[Label], faults: &mut Faults) {
    for (position, label) in labels.iter().enumerate() {
        let text = label.text();
        if catalog::carries("operation", &text) {
            faults.push(label.name.span(), format!("the signals carry the label `{text}` already"));
        } else if !text.is_ascii() {
            faults.push(label.name.span(), "a label's name is [a-zA-Z_][a-zA-Z0-9_]*");
        }
        if labels.iter().take(position).any(|earlier| earlier.text() == text) {
            faults.push(label.name.span(), format!("the label `{text}` is given twice"));
        }
    }
}

fn is_zero(limit: &Expr) -> bool {
    let Expr::Lit(literal) = limit else { return false };
    matches!(&literal.lit, Lit::Int(number) if number.base10_digits() == "0")
}

/// Reads the item as a function; anything else is a fault.
pub(crate) fn item(tokens: TokenStream, faults: &mut Faults) -> Option<syn::ItemFn> {
    let place = tokens.clone();
    match syn::parse2(tokens) {
        Ok(function) => Some(function),
        Err(_) => {
            faults.push(place.span(), "`#[in_flight]` goes on a function with a body");
            None
        }
    }
}
