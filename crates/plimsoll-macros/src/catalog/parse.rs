//! Reads the arguments and the statics as they stand.

use super::kind::Kind;
use crate::arguments::{equals, once, split_at_commas};
use crate::faults::Faults;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprArray, Ident, ItemStatic, Lit, LitStr, PathArguments, StaticMutability,
    Type, Visibility,
};

/// Reads `prefix = "…"`; `None` only with a fault pushed.
pub(crate) fn prefix(tokens: TokenStream, faults: &mut Faults) -> Option<LitStr> {
    let mut found = None;
    let mut is_there = false;
    for argument in split_at_commas(tokens) {
        let result = (|input: ParseStream<'_>| {
            let key = input.call(Ident::parse_any)?;
            if key != "prefix" {
                let what = format!("unknown argument `{key}`: expected `prefix`");
                return Err(syn::Error::new(key.span(), what));
            }
            is_there = true;
            equals(input, &key, "\"…\"")?;
            once(&mut found, &key, input.parse()?)
        })
        .parse2(argument);
        faults.keep(result);
    }
    if !is_there {
        let here = proc_macro2::Span::call_site();
        faults.push(here, "`prefix = \"…\"` is missing: every name begins with your service's");
    }
    found
}

/// One static as it stands.
pub(crate) struct Entry {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) kind: Kind,
    /// The name of the kind's function, as it was written.
    pub(crate) call: Ident,
    /// The name of the type, as it was written.
    pub(crate) type_name: Ident,
    /// The label set.
    pub(crate) labels: TokenStream,
    pub(crate) is_labelled: bool,
    pub(crate) given: Given,
}

/// The arguments of an initialiser.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) name: Option<LitStr>,
    pub(crate) unit: Option<LitStr>,
    pub(crate) limit: Option<Expr>,
    pub(crate) edges: Option<ExprArray>,
    /// The keys that stand there, be their values readable or not.
    pub(crate) keys: Vec<String>,
}

/// Reads `pub static NAME: Kind<Labels> = kind(…)`; `None` only with a fault pushed.
pub(crate) fn entry(item: ItemStatic, faults: &mut Faults) -> Option<Entry> {
    if let StaticMutability::Mut(word) = &item.mutability {
        faults.push(word.span(), "a signal is shared as it is: remove `mut`");
    }
    let Some((kind, call, arguments)) = initialiser(&item.expr) else {
        faults.push(
            item.expr.span(),
            "expected `level(…)`, `duration(…)`, `counter(…)` or `gauge(…)`",
        );
        return None;
    };
    let Type::Path(path) = &*item.ty else {
        faults.push(item.ty.span(), expected_type(kind));
        return None;
    };
    let last = path.path.segments.last()?;
    if last.ident != kind.type_name() {
        faults.push(last.ident.span(), expected_type(kind));
    }
    let labels = match &last.arguments {
        PathArguments::AngleBracketed(brackets) => Some(&brackets.args),
        _ => None,
    };
    Some(Entry {
        kind,
        call: call.clone(),
        type_name: last.ident.clone(),
        labels: labels.map_or_else(|| quote!(()), |labels| quote!(#labels)),
        is_labelled: labels.is_some(),
        given: given(kind, arguments, faults),
        attrs: item.attrs,
        vis: item.vis,
        ident: item.ident,
    })
}

fn expected_type(kind: Kind) -> String {
    format!("a `{}(…)` is of type `{}`", kind.call(), kind.type_name())
}

fn initialiser(expr: &Expr) -> Option<(Kind, &Ident, impl Iterator<Item = &Expr>)> {
    let Expr::Call(call) = expr else { return None };
    let name = ident(&call.func)?;
    let kind = Kind::ALL.into_iter().find(|kind| name == kind.call())?;
    Some((kind, name, call.args.iter()))
}

fn ident(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

fn given<'a>(kind: Kind, arguments: impl Iterator<Item = &'a Expr>, faults: &mut Faults) -> Given {
    let mut given = Given::default();
    for argument in arguments {
        let result = match argument {
            Expr::Assign(assign) => match ident(&assign.left) {
                Some(key) => given.take(kind, key, &assign.right),
                None => Err(syn::Error::new(assign.left.span(), expected_key(kind))),
            },
            other => Err(syn::Error::new(other.span(), expected_key(kind))),
        };
        faults.keep(result);
    }
    given
}

fn expected_key(kind: Kind) -> String {
    let keys: Vec<String> = kind.keys().iter().map(|key| format!("`{key} = …`")).collect();
    format!("a {} takes {}", kind.call(), keys.join(", "))
}

impl Given {
    fn take(&mut self, kind: Kind, key: &Ident, value: &Expr) -> syn::Result<()> {
        let text = key.to_string();
        if !kind.keys().contains(&text.as_str()) {
            let what = format!("unknown argument `{text}`: {}", expected_key(kind));
            return Err(syn::Error::new(key.span(), what));
        }
        self.keys.push(text.clone());
        match text.as_str() {
            "name" => once(&mut self.name, key, string(value)?),
            "unit" => once(&mut self.unit, key, string(value)?),
            "limit" => once(&mut self.limit, key, value.clone()),
            _ => match value {
                Expr::Array(edges) => once(&mut self.edges, key, edges.clone()),
                other => Err(syn::Error::new(other.span(), "expected `[5ms, 250ms]`")),
            },
        }
    }
}

fn string(value: &Expr) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Ok(text.clone()),
            other => Err(syn::Error::new(other.span(), "expected string literal")),
        },
        other => Err(syn::Error::new(other.span(), "expected string literal")),
    }
}
