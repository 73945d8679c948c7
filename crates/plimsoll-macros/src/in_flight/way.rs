//! How a function gives its value, as its signature is written: an alias hides it.

use crate::faults::Faults;
use syn::spanned::Spanned;
use syn::{
    GenericArgument, PathArguments, PathSegment, ReturnType, Signature, Type, TypeParamBound,
};

/// Says where the calls of a function begin and end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It returns the value.
    Value,
    /// It is an `async fn`.
    Async,
    /// It returns `impl Future`; or `Pin<Box<dyn Future>>`, as `async_trait` writes it.
    Future { is_boxed: bool },
    /// It returns `impl Stream`, or `Pin<Box<dyn Stream>>`.
    Stream { is_boxed: bool },
}

/// Finds the way of a function, and checks that its calls can be measured.
pub(crate) fn way(signature: &Signature, faults: &mut Faults) -> Way {
    if let Some(word) = &signature.constness {
        faults.push(word.span(), "a `const fn` can't record: remove `const` or `#[in_flight]`");
    }
    match &signature.output {
        _ if signature.asyncness.is_some() => Way::Async,
        ReturnType::Default => Way::Value,
        ReturnType::Type(_, returned) => match &**returned {
            Type::Never(never) => {
                faults.push(never.span(), "a call that never returns would be in flight for ever");
                Way::Value
            }
            Type::ImplTrait(some) => bound(&some.bounds, false).unwrap_or(Way::Value),
            returned => boxed(returned, faults).unwrap_or(Way::Value),
        },
    }
}

/// Recognises `Pin<Box<dyn Future>>`, and what `futures` calls it.
fn boxed(returned: &Type, faults: &mut Faults) -> Option<Way> {
    let last = last_segment(returned)?;
    match last.ident.to_string().as_str() {
        "BoxFuture" | "LocalBoxFuture" => Some(Way::Future { is_boxed: true }),
        "BoxStream" | "LocalBoxStream" => Some(Way::Stream { is_boxed: true }),
        "Pin" => inner_types(last).find_map(last_segment).and_then(box_of),
        "Box" => {
            let way = box_of(last)?;
            faults.push(returned.span(), "expected `Pin<Box<dyn …>>`: only that can be polled");
            Some(way)
        }
        _ => None,
    }
}

fn box_of(segment: &PathSegment) -> Option<Way> {
    let mut inside = inner_types(segment).filter(|_| segment.ident == "Box");
    inside.find_map(|inside| match inside {
        Type::TraitObject(some) => bound(&some.bounds, true),
        _ => None,
    })
}

fn bound<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>, is_boxed: bool) -> Option<Way> {
    bounds.into_iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        match bound.path.segments.last()?.ident.to_string().as_str() {
            "Future" => Some(Way::Future { is_boxed }),
            "Stream" => Some(Way::Stream { is_boxed }),
            _ => None,
        }
    })
}

fn last_segment(of: &Type) -> Option<&PathSegment> {
    match of {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn inner_types(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(brackets) => Some(brackets.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}
