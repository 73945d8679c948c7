//! `#[in_flight(…)]`: reads the arguments, holds them and the function against what the signals can
//! carry, and writes the function anew around its own body.

mod expand;
mod parse;
mod validate;
mod way;

use crate::faults::Faults;
use proc_macro2::TokenStream;
use quote::quote;

/// Expands `#[in_flight(arguments)] item`, or reports every fault beside the item as it was.
pub(crate) fn in_flight(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Faults::default();
    let arguments = parse::arguments(arguments, &mut faults);
    let operation = validate::operation(arguments, &mut faults);
    let function = validate::item(item.clone(), &mut faults);
    let way = function.as_ref().map(|function| way::way(&function.sig, &mut faults));
    let expanded = operation
        .zip(function)
        .zip(way)
        .map(|((operation, function), way)| expand::function(&operation, function, way));
    match (faults.into_result(), expanded) {
        (Ok(()), Some(expanded)) => expanded,
        (Ok(()), None) => item,
        (Err(faults), _) => {
            let faults = faults.to_compile_error();
            quote!(#faults #item)
        }
    }
}
