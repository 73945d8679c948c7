//! Writes the function anew around its own body.

use crate::parse::{self, Faults};
use crate::validate::{self, Operation};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, ReturnType};

/// Expands `#[in_flight(arguments)] item`, or reports every fault beside the item as it was.
pub(crate) fn in_flight(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Faults::default();
    let arguments = parse::arguments(arguments, &mut faults);
    let operation = validate::operation(arguments, &mut faults);
    let function = validate::item(item.clone(), &mut faults);
    if let Some(function) = &function {
        validate::function(&function.sig, &mut faults);
    }
    let expanded =
        operation.zip(function).map(|(operation, function)| expand(&operation, function));
    match (faults.into_result(), expanded) {
        (Ok(()), Some(expanded)) => expanded,
        (Ok(()), None) => item,
        (Err(faults), _) => {
            let faults = faults.to_compile_error();
            quote!(#faults #item)
        }
    }
}

fn expand(operation: &Operation, function: ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block } = function;
    let enter = enter(operation);
    let returned = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, returned) => quote!(#returned),
    };
    let body = if sig.asyncness.is_some() {
        // An async block has no return type to write down: the unreachable `return` tells it.
        let typed = names_its_type(&sig.output).then(|| {
            quote! {
                #[allow(unreachable_code, clippy::all)]
                if false {
                    let __plimsoll_returned: #returned = ::core::unreachable!();
                    return __plimsoll_returned;
                }
            }
        });
        quote!(async move { #typed #block }.await)
    } else {
        let typed = names_its_type(&sig.output).then(|| quote!(-> #returned));
        quote!((move || #typed #block)())
    };
    quote! {
        #(#attrs)* #vis #sig {
            let __plimsoll_guard = #enter;
            #[allow(clippy::redundant_closure_call, clippy::unit_arg, clippy::let_unit_value)]
            let __plimsoll_value = #body;
            #[allow(unused_imports)]
            use ::plimsoll::expansion::AnyValue as _;
            __plimsoll_guard.finish(::plimsoll::expansion::Returned(&__plimsoll_value).outcome());
            __plimsoll_value
        }
    }
}

/// Writes the expression that enters the operation and gives the guard.
fn enter(operation: &Operation) -> TokenStream {
    let name = &operation.name;
    let limit = match &operation.limit {
        Some(limit) => {
            // With the expression's span the compiler points at it when its type is wrong.
            let limit = quote_spanned!(limit.span()=> { let limit: u64 = #limit; limit });
            quote!(::core::option::Option::Some(#limit))
        }
        None => quote!(::core::option::Option::None),
    };
    if operation.labels.is_empty() {
        return quote! {{
            static SITE: ::plimsoll::expansion::Site = ::plimsoll::expansion::Site::new(#name);
            SITE.enter(|| #limit)
        }};
    }
    let names = operation.labels.iter().map(parse::Label::text);
    let values = operation.labels.iter().map(|label| {
        let value = &label.value;
        quote_spanned!(value.span()=> ::core::convert::AsRef::<str>::as_ref(&#value))
    });
    quote! {{
        ::std::thread_local! {
            static SITE: ::plimsoll::expansion::LabelledSite =
                const { ::plimsoll::expansion::LabelledSite::new(#name, &[#(#names),*]) };
        }
        ::plimsoll::expansion::LabelledSite::enter(&SITE, &[#(#values),*], || #limit)
    }}
}

/// Says whether the return type can be written again inside the body: `impl Trait` can't.
fn names_its_type(output: &ReturnType) -> bool {
    let ReturnType::Type(_, returned) = output else { return true };
    !has_impl(&quote!(#returned))
}

fn has_impl(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(word) => word == "impl",
        proc_macro2::TokenTree::Group(group) => has_impl(&group.stream()),
        _ => false,
    })
}
