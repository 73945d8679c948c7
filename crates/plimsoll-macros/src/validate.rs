//! Holds the arguments and the function against what the signals can carry.

use crate::parse::{Arguments, Faults, Label};
use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Expr, Lit, LitStr, ReturnType, Signature, Type, TypeParamBound};

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

/// Checks that the function is one whose calls can be measured.
pub(crate) fn function(signature: &Signature, faults: &mut Faults) {
    if let Some(word) = &signature.constness {
        faults.push(word.span(), "a `const fn` can't record: remove `const` or `#[in_flight]`");
    }
    let ReturnType::Type(_, returned) = &signature.output else { return };
    if matches!(**returned, Type::Never(_)) {
        faults.push(returned.span(), "a call that never returns would be in flight for ever");
    }
    if signature.asyncness.is_none() && is_future(returned) {
        faults.push(
            returned.span(),
            "this function returns before its future runs: make it an `async fn`, or wrap the \
             future with `plimsoll::InFlight::in_flight`",
        );
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

/// Recognises `impl Future` and `Pin<Box<dyn Future>>` by how they are written.
fn is_future(returned: &Type) -> bool {
    match returned {
        Type::ImplTrait(some) => some.bounds.iter().any(is_future_bound),
        Type::TraitObject(some) => some.bounds.iter().any(is_future_bound),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| match last.ident {
            ref name if name == "BoxFuture" || name == "LocalBoxFuture" => true,
            ref name if name == "Pin" || name == "Box" => {
                inner_types(&last.arguments).any(is_future)
            }
            _ => false,
        }),
        _ => false,
    }
}

fn is_future_bound(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else { return false };
    bound.path.segments.last().is_some_and(|last| last.ident == "Future")
}

fn inner_types(arguments: &syn::PathArguments) -> impl Iterator<Item = &Type> {
    let arguments = match arguments {
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
