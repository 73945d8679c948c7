//! Writes the function anew around its own body.

use super::parse::Label;
use super::validate::Operation;
use super::way::Way;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Block, Expr, ExprAsync, ExprPath, ItemFn, ReturnType, Stmt};

/// Writes `function` so that each of its calls is one of `operation`.
pub(crate) fn function(operation: &Operation, function: ItemFn, way: Way) -> TokenStream {
    let ItemFn { attrs, vis, sig, block } = function;
    let found = find(operation);
    let returned = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, returned) => quote!(#returned),
    };
    // `impl Trait` can't be written again inside the body.
    let typed = (!has_impl(&returned)).then(|| quote!(-> #returned));
    let body = match way {
        Way::Value => measured(quote!(::plimsoll::expansion::call(move || #typed #block))),
        Way::Async => {
            let typed = typed.map(|_| unreachable_return(&returned));
            measured(quote!(async move { #typed #block }.await))
        }
        Way::Future { is_boxed: true } => boxed(&block, typed),
        Way::Future { is_boxed: false } => {
            let future = measured(quote!(__plimsoll_future.await));
            quote! {
                let __plimsoll_future = ::plimsoll::expansion::call(move || #block);
                async move { #future }
            }
        }
        Way::Stream { is_boxed } => {
            let stream = streamed(&block, typed);
            if is_boxed { quote!(::std::boxed::Box::pin(#stream)) } else { stream }
        }
    };
    quote! {
        #(#attrs)* #vis #sig {
            let __plimsoll_operation = #found;
            #body
        }
    }
}

/// Enters the operation around `value`, and ends the call by what that gives.
fn measured(value: TokenStream) -> TokenStream {
    quote! {
        let __plimsoll_guard = __plimsoll_operation.enter();
        #[allow(clippy::unit_arg, clippy::let_unit_value)]
        let __plimsoll_value = #value;
        #[allow(unused_imports)]
        use ::plimsoll::expansion::AnyValue as _;
        __plimsoll_guard.finish(::plimsoll::expansion::Returned(&__plimsoll_value).outcome());
        __plimsoll_value
    }
}

/// Measures a stream until its last item; one that has given an `Err` is an error.
fn streamed(block: &Block, typed: Option<TokenStream>) -> TokenStream {
    quote! {
        ::plimsoll::expansion::stream(
            __plimsoll_operation,
            ::plimsoll::expansion::call(move || #typed #block),
            |__plimsoll_item| {
                #[allow(unused_imports)]
                use ::plimsoll::expansion::AnyValue as _;
                ::plimsoll::expansion::Returned(__plimsoll_item).outcome()
                    == ::plimsoll::Outcome::Error
            },
        )
    }
}

/// Tells the type of an async block, which has no return type to write down.
fn unreachable_return(returned: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unreachable_code, clippy::all)]
        if false {
            let __plimsoll_returned: #returned = ::core::unreachable!();
            return __plimsoll_returned;
        }
    }
}

/// Measures a boxed future: within the box that is there, if the body is just that, as `async_trait`
/// leaves it; else in a box of its own.
fn boxed(block: &Block, typed: Option<TokenStream>) -> TokenStream {
    if let Some((pin, inner)) = pinned(block) {
        let future = measured(quote!(#inner.await));
        return quote!(#pin(async move { #future }));
    }
    let future = measured(quote!(__plimsoll_future.await));
    quote! {
        let __plimsoll_future = ::plimsoll::expansion::call(move || #typed #block);
        ::std::boxed::Box::pin(async move { #future })
    }
}

/// Takes a body apart that is nothing but `Box::pin(async …)`.
fn pinned(block: &Block) -> Option<(&ExprPath, &ExprAsync)> {
    let [Stmt::Expr(Expr::Call(call), None)] = block.stmts.as_slice() else { return None };
    let (Expr::Path(pin), Some(Expr::Async(inner)), 1) =
        (&*call.func, call.args.first(), call.args.len())
    else {
        return None;
    };
    let mut path = pin.path.segments.iter().rev().map(|segment| &segment.ident);
    (path.next()? == "pin" && path.next()? == "Box").then_some((pin, inner))
}

/// Writes the expression that gives the operation.
fn find(operation: &Operation) -> TokenStream {
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
            SITE.operation(|| #limit)
        }};
    }
    let names = operation.labels.iter().map(Label::text);
    let values = operation.labels.iter().map(|label| {
        let value = &label.value;
        quote_spanned!(value.span()=> ::core::convert::AsRef::<str>::as_ref(&#value))
    });
    quote! {{
        ::std::thread_local! {
            static KNOWN: ::plimsoll::expansion::Known<::plimsoll::Operation> =
                const { ::plimsoll::expansion::Known::new() };
        }
        ::plimsoll::expansion::labelled(&KNOWN, #name, &[#(#names),*], &[#(#values),*], || #limit)
    }}
}

fn has_impl(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(word) => word == "impl",
        proc_macro2::TokenTree::Group(group) => has_impl(&group.stream()),
        _ => false,
    })
}
