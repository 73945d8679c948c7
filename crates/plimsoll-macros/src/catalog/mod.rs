//! `#[concurrency_metrics(…)] mod`: reads a module of statics and label sets, holds their names and
//! units against OpenTelemetry's and Prometheus's rules, and writes each static as a typed signal.

mod expand;
mod kind;
mod label_set;
mod parse;
mod validate;

use crate::faults::Faults;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Item, ItemMod};

/// Expands `#[concurrency_metrics(arguments)] item`, with every fault beside what could be made of it.
pub(crate) fn concurrency_metrics(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Faults::default();
    let prefix = parse::prefix(arguments, &mut faults);
    let prefix = validate::prefix(prefix, &mut faults);
    let Some(module) = module(item.clone(), &mut faults) else {
        return with_faults(faults, item);
    };
    let ItemMod { attrs, vis, unsafety, ident, content, .. } = module;
    let mut names = validate::Names::under(prefix);
    let items: TokenStream = content
        .into_iter()
        .flat_map(|(_, items)| items)
        .map(|item| expanded(item, &mut names, &mut faults))
        .collect();
    with_faults(faults, quote!(#(#attrs)* #vis #unsafety mod #ident { #items }))
}

/// Writes one item of the module anew; what is neither a signal nor a label set stays as it is.
fn expanded(item: Item, names: &mut validate::Names, faults: &mut Faults) -> TokenStream {
    match item {
        Item::Static(item) => match parse::entry(item, faults) {
            Some(entry) => {
                let signal = names.signal(&entry, faults);
                expand::signal(&entry, &signal)
            }
            None => TokenStream::new(),
        },
        Item::Struct(item) => {
            let labels = label_set::expand(&item, faults);
            quote!(#item #labels)
        }
        other => other.into_token_stream(),
    }
}

fn module(tokens: TokenStream, faults: &mut Faults) -> Option<ItemMod> {
    let place = tokens.clone();
    let module = syn::parse2::<ItemMod>(tokens).ok().filter(|module| module.content.is_some());
    if module.is_none() {
        let place = place.into_iter().next().map_or(Span::call_site(), |first| first.span());
        faults.push(place.span(), "`#[concurrency_metrics]` goes on a `mod … { … }`");
    }
    module
}

fn with_faults(faults: Faults, made: TokenStream) -> TokenStream {
    match faults.into_result() {
        Ok(()) => made,
        Err(faults) => {
            let faults = faults.to_compile_error();
            quote!(#faults #made)
        }
    }
}
