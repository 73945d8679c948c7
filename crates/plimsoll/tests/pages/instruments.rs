//! Finds the public instruments in the source, and the page of each.

use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Expr, FnArg, ImplItem, Item, Lit, Meta, Type, Visibility};

/// The documentation of one instrument.
#[derive(Debug)]
pub(crate) struct Page {
    /// The instrument.
    pub(crate) of: String,
    /// The file, from the folder of crates on.
    pub(crate) file: String,
    /// The text, one line of it a line.
    pub(crate) text: String,
}

impl Page {
    /// Returns the names of the series in its table, without labels and kinds.
    pub(crate) fn series(&self) -> Vec<String> {
        let rows = self.text.lines().skip_while(|line| !line.starts_with("| series | what |"));
        rows.skip(2)
            .take_while(|line| line.starts_with('|'))
            .filter_map(|row| row.split('|').nth(1))
            .flat_map(|cell| {
                cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
            })
            .map(|series| series.split('{').next().unwrap_or_default().to_owned())
            .collect()
    }

    /// Returns the names in its links, as `[`Mutex`]` or `[`Mutex`](super::Mutex)`.
    fn links(&self) -> impl Iterator<Item = &str> {
        let names = self.text.split("[`").skip(1).filter_map(|rest| rest.split("`]").next());
        names.filter_map(|name| name.rsplit("::").next())
    }

    /// Says whether the page, or one that it leads to, fulfils `is_there`.
    pub(crate) fn has(&self, pages: &[Self], is_there: impl Fn(&Self) -> bool) -> bool {
        is_there(self) || self.leads_to(pages).into_iter().any(is_there)
    }

    /// Returns the series in its table; where it has none, those of the pages that it leads to.
    pub(crate) fn records(&self, pages: &[Self]) -> Vec<String> {
        let own = self.series();
        if own.is_empty() {
            return self.leads_to(pages).into_iter().flat_map(Self::series).collect();
        }
        own
    }

    /// Returns the pages that it leads to in two steps: a mirror's leads to that of the lock whose ways it
    /// shares, and that to where locks are described.
    fn leads_to<'a>(&self, pages: &'a [Self]) -> Vec<&'a Self> {
        let next = |from: &Self| -> Vec<&'a Self> {
            pages.iter().filter(|page| from.links().any(|link| link == page.of)).collect()
        };
        let first = next(self);
        let second: Vec<&Self> = first.iter().flat_map(|page| next(page)).collect();
        [first, second].concat()
    }

    /// Returns the expressions of its promql blocks, without comments.
    pub(crate) fn promql(&self) -> Vec<String> {
        let blocks = self.text.split("```promql\n").skip(1);
        blocks
            .filter_map(|block| block.split("```").next())
            .flat_map(str::lines)
            .map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    }
}

/// Returns the page of each instrument: what is made by name, and the attribute.
pub(crate) fn pages() -> Vec<Page> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    ["plimsoll/src", "plimsoll-cache/src", "plimsoll-tower/src", "plimsoll-macros/src"]
        .iter()
        .flat_map(|folder| files(&crates.join(folder)))
        .flat_map(|path| {
            let file = path.strip_prefix(&crates).expect("it lies there").display().to_string();
            of_file(&path).into_iter().map(move |(of, text)| Page { of, text, file: file.clone() })
        })
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

fn parsed(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).expect("a file");
    syn::parse_file(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn of_file(path: &Path) -> Vec<(String, String)> {
    let file = parsed(path);
    let mut found: Vec<(String, String)> =
        file.items.iter().filter_map(|item| of_item(item, &file.items)).collect();
    if file.items.iter().any(makes_a_channel) {
        found.push(of_module(path, &file));
    }
    found
}

/// The page of a type that is made by name, of a kind of signal, or of the attribute.
fn of_item(item: &Item, items: &[Item]) -> Option<(String, String)> {
    match item {
        Item::Impl(block) if block.trait_.is_none() => {
            let named = |item: &ImplItem| {
                matches!(item, ImplItem::Fn(function)
                if function.sig.ident == "named" && is_public(&function.vis))
            };
            let Type::Path(path) = &*block.self_ty else { return None };
            let name = path.path.segments.last()?.ident.to_string();
            block.items.iter().any(named).then(|| type_page(name, items))
        }
        Item::Type(alias) if is_public(&alias.vis) => {
            let Type::Path(path) = &*alias.ty else { return None };
            (path.path.segments.last()?.ident == "Metric")
                .then(|| (alias.ident.to_string(), docs(&alias.attrs)))
        }
        Item::Fn(function) if function.sig.ident == "in_flight" && is_public(&function.vis) => {
            function
                .attrs
                .iter()
                .any(|attr| attr.path().is_ident("proc_macro_attribute"))
                .then(|| ("in_flight".to_owned(), docs(&function.attrs)))
        }
        _ => None,
    }
}

fn type_page(name: String, items: &[Item]) -> (String, String) {
    let text = items.iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == name => Some(docs(&item.attrs)),
        _ => None,
    });
    (name, text.unwrap_or_default())
}

/// A channel's page is that of its module: the file's own, or that of the folder it lies in.
fn of_module(path: &Path, file: &syn::File) -> (String, String) {
    let own = docs(&file.attrs);
    if !own.is_empty() {
        return (stem(path), own);
    }
    let folder = path.parent().expect("a folder");
    let module = [folder.join("mod.rs"), folder.with_extension("rs")];
    let above = module.iter().find(|path| path.is_file()).map(|path| docs(&parsed(path).attrs));
    (stem(folder), above.unwrap_or_default())
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// Recognises a function that makes a channel by name.
fn makes_a_channel(item: &Item) -> bool {
    let Item::Fn(function) = item else { return false };
    is_public(&function.vis)
        && function.sig.inputs.iter().any(|input| match input {
            FnArg::Typed(input) => match &*input.ty {
                Type::ImplTrait(some) => {
                    let bounds = &some.bounds;
                    let text = quote::quote!(#bounds).to_string();
                    text == "Into < Name >"
                }
                _ => false,
            },
            FnArg::Receiver(_) => false,
        })
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn docs(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line))).collect()
}
