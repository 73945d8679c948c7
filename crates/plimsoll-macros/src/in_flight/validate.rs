//! Holds the arguments and the function against what the signals can carry.

use super::parse::{Arguments, Label};
use crate::faults::Faults;
use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Expr, Lit, LitStr, PathSegment, ReturnType, Signature, Type, TypeParamBound};

/// Labels that the operation's signals carry by themselves.
const OWN_LABELS: [&str; 4] = ["operation", "outcome", "band", "le"];

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

/// How a function gives its value, which says where its calls begin and end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It returns it.
    Value,
    /// It is an `async fn`.
    Async,
    /// It returns `impl Future`.
    Future,
    /// It returns `Pin<Box<dyn Future>>`, as `async_trait` writes it.
    Boxed,
}

/// Finds the way of a function, and checks that its calls can be measured.
pub(crate) fn way(signature: &Signature, faults: &mut Faults) -> Way {
    if let Some(word) = &signature.constness {
        faults.push(word.span(), "a `const fn` can't record: remove `const` or `#[in_flight]`");
    }
    if let Some(variadic) = &signature.variadic {
        faults.push(variadic.span(), "a variadic function can't be wrapped");
    }
    let returned = match &signature.output {
        ReturnType::Type(_, returned) => Some(&**returned),
        ReturnType::Default => None,
    };
    if let Some(never) = returned.filter(|returned| matches!(returned, Type::Never(_))) {
        faults.push(never.span(), "a call that never returns would be in flight for ever");
    }
    match returned {
        _ if signature.asyncness.is_some() => Way::Async,
        Some(Type::ImplTrait(some)) if some.bounds.iter().any(is_future_bound) => Way::Future,
        Some(returned) => boxed(returned, faults),
        None => Way::Value,
    }
}

/// Recognises `Pin<Box<dyn Future>>` and its aliases by how they are written.
fn boxed(returned: &Type, faults: &mut Faults) -> Way {
    let Some(last) = last_segment(returned) else { return Way::Value };
    if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
        return Way::Boxed;
    }
    let is_pin = last.ident == "Pin";
    let inside = if is_pin { inner_types(last).find_map(last_segment) } else { Some(last) };
    let holds_a_future =
        inside.is_some_and(|inside| inside.ident == "Box" && inner_types(inside).any(is_dyn));
    if holds_a_future && !is_pin {
        faults.push(returned.span(), "expected `Pin<Box<dyn Future>>`: only that can be awaited");
    }
    if holds_a_future { Way::Boxed } else { Way::Value }
}

fn is_dyn(inside: &Type) -> bool {
    matches!(inside, Type::TraitObject(some) if some.bounds.iter().any(is_future_bound))
}

fn last_segment(of: &Type) -> Option<&PathSegment> {
    match of {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn check_labels(labels: &[Label], faults: &mut Faults) {
    for (position, label) in labels.iter().enumerate() {
        let text = label.text();
        if OWN_LABELS.contains(&text.as_str()) {
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

fn is_future_bound(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else { return false };
    bound.path.segments.last().is_some_and(|last| last.ident == "Future")
}

fn inner_types(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        syn::PathArguments::AngleBracketed(brackets) => Some(brackets.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        syn::GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
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
