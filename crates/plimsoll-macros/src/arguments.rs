//! Reads `key = value` lists, going on after a fault so that all are reported.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::Token;
use syn::parse::ParseStream;

/// Reads the `=` after a key and says at the key what is expected where the input ends: the end has
/// no place of its own to point at.
pub(crate) fn equals(input: ParseStream<'_>, key: &Ident, value: &str) -> syn::Result<()> {
    let ends = || syn::Error::new(key.span(), format!("expected `{key} = {value}`"));
    if input.is_empty() {
        return Err(ends());
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() { Err(ends()) } else { Ok(()) }
}

/// Fills the slot of a key, which may be given once.
pub(crate) fn once<T>(slot: &mut Option<T>, key: &Ident, value: T) -> syn::Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new(key.span(), format!("`{key}` is given twice")));
    }
    *slot = Some(value);
    Ok(())
}

/// Cuts at the commas outside any bracket. Commas between the angle brackets of a generic path
/// (`f::<A, B>()`) count as outside: such an expression needs parentheses.
pub(crate) fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => parts.push(Vec::new()),
            (_, Some(part)) => part.push(token),
            (_, None) => {}
        }
    }
    parts.into_iter().filter(|part| !part.is_empty()).map(TokenStream::from_iter).collect()
}
