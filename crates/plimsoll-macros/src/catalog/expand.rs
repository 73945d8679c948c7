//! Writes a static as a typed signal.

use super::kind::Kind;
use super::parse::Entry;
use super::validate::Signal;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

/// Writes the static of `entry`, recording what `signal` says.
pub(crate) fn signal(entry: &Entry, signal: &Signal) -> TokenStream {
    let Entry { attrs, vis, ident, kind, labels, .. } = entry;
    let Signal { otel_name, name, unit, help, .. } = signal;
    // With their spans the compiler points at what was written when a label set isn't one.
    let type_name = format_ident!("{}", kind.type_name(), span = entry.type_name.span());
    let of_signal = kind.of_signal();
    let details = details(entry, signal);
    let series = format_ident!("{}Series", kind.type_name());
    let place = entry.type_name.span();
    let made = if entry.is_labelled {
        quote_spanned! {place=> {
            ::std::thread_local! {
                static KNOWN: ::plimsoll::expansion::Known<::plimsoll::metrics::#series> =
                    const { ::plimsoll::expansion::Known::new() };
            }
            ::plimsoll::metrics::Metric::labelled(&SIGNAL, #details, &KNOWN)
        } }
    } else {
        quote!(::plimsoll::metrics::Metric::single(&SIGNAL, #details))
    };
    let exported = exported(entry, signal);
    quote! {
        #(#attrs)*
        #[doc = #exported]
        #vis static #ident: ::plimsoll::metrics::#type_name<#labels> = {
            static SIGNAL: ::plimsoll::expansion::Signal = ::plimsoll::expansion::Signal {
                otel_name: #otel_name,
                unit: #unit,
                name: #name,
                kind: ::plimsoll::expansion::Kind::#of_signal,
                labels: <#labels as ::plimsoll::metrics::LabelSet>::NAMES,
                help: #help,
            };
            #made
        };
    }
}

/// Writes what is said of a signal besides name, unit and help.
fn details(entry: &Entry, signal: &Signal) -> TokenStream {
    match (entry.kind, &entry.given.limit) {
        (Kind::Level, Some(limit)) => {
            // With the expression's span the compiler points at it when its type is wrong.
            let limit = quote_spanned!(limit.span()=> { const LIMIT: u64 = #limit; LIMIT });
            quote!(::core::option::Option::Some(#limit))
        }
        (Kind::Level, None) => quote!(::core::option::Option::None),
        (Kind::Duration, _) => {
            let edges_ns = &signal.edges_ns;
            quote!({ const EDGES_NS: &[u64] = &[#(#edges_ns),*]; EDGES_NS })
        }
        (Kind::Counter | Kind::Gauge, _) => quote!(()),
    }
}

/// Says in the static's documentation which series there are and how to read them.
fn exported(entry: &Entry, signal: &Signal) -> String {
    let Signal { name, unit, .. } = signal;
    let (series, read): (Vec<String>, String) = match entry.kind {
        Kind::Level => (
            plimsoll_model::LevelPart::ALL.map(|part| sample(part, name)).to_vec(),
            format!("rate({name}_time_seconds_total[5m])  # exact mean"),
        ),
        Kind::Duration => (
            vec![name.clone()],
            format!("histogram_quantile(0.99, sum by (le) (rate({name}_bucket[5m])))"),
        ),
        Kind::Counter => (vec![format!("{name}_total")], format!("rate({name}_total[5m])")),
        Kind::Gauge => (vec![name.clone()], name.clone()),
    };
    let series = series.join("`, `");
    format!("\n\nExported in `{unit}` as `{series}`.\n```promql\n{read}\n```")
}

fn sample(part: plimsoll_model::LevelPart, name: &str) -> String {
    let total = match part.family_kind() {
        plimsoll_model::FamilyKind::Counter => "_total",
        _ => "",
    };
    format!("{name}{}{total}", part.suffix())
}
