//! The structs of the module: each is a label set.

use crate::faults::Faults;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Fields, Ident, ItemStruct};

/// Labels that Prometheus gives a meaning of its own to, or that it puts on what it scrapes.
const TAKEN: [&str; 4] = ["le", "quantile", "job", "instance"];

/// Writes how the struct gives its labels.
pub(crate) fn expand(item: &ItemStruct, faults: &mut Faults) -> TokenStream {
    if item.generics.lt_token.is_some() {
        faults.push(
            item.generics.span(),
            "a label set has no generics: let a field be a `&'static str` or an enum of your own",
        );
        return TokenStream::new();
    }
    let Fields::Named(fields) = &item.fields else {
        faults.push(item.ident.span(), "a label set has named fields: each is a label");
        return TokenStream::new();
    };
    if fields.named.is_empty() {
        faults.push(item.ident.span(), "a label set without a field is `()`: leave it out");
    }
    let mut names = Vec::new();
    let mut values = Vec::new();
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        check(ident, faults);
        names.push(ident.unraw().to_string());
        values.push(quote_spanned! {field.ty.span()=>
            ::core::convert::AsRef::<str>::as_ref(&self.#ident)
        });
    }
    let ident = &item.ident;
    quote! {
        impl ::plimsoll::metrics::LabelSet for #ident {
            const NAMES: &'static [&'static str] = &[#(#names),*];

            fn read<PlimsollRead>(
                &self,
                read: impl ::core::ops::FnOnce(&[&str]) -> PlimsollRead,
            ) -> PlimsollRead {
                read(&[#(#values),*])
            }
        }
    }
}

fn check(label: &Ident, faults: &mut Faults) {
    let text = label.unraw().to_string();
    if TAKEN.contains(&text.as_str()) || text.starts_with("__") {
        faults.push(label.span(), format!("the label `{text}` is Prometheus's own"));
    } else if !text.is_ascii() {
        faults.push(label.span(), "a label's name is [a-zA-Z_][a-zA-Z0-9_]*");
    }
}
