//! What the commands want to know of Rust source: its tokens, its items, its lines.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::{Range, RangeInclusive};

use proc_macro2::Span;
use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::stop::{Result, failed};

/// A file that has been parsed.
pub(crate) struct Source<'a> {
    text: &'a str,
    syntax: syn::File,
    /// The first byte of every line.
    starts: Vec<usize>,
}

/// A function, a type or the like, with the comments above it.
#[derive(Debug)]
pub(crate) struct Item {
    /// `drive`, `Core::drive`, `Wake::wake@Task`: without generics, so that it stays when they come.
    pub(crate) name: String,
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Item {
    /// The name as one would say it: `Task::wake`.
    pub(crate) fn plain_name(&self) -> String {
        let name = self.name.split('#').next().unwrap_or(&self.name);
        match (name.split_once('@'), name) {
            (Some((method, owner)), _) => match method.split_once("::") {
                Some((_, method)) => format!("{owner}::{method}"),
                None => owner.to_owned(),
            },
            (None, "(head)") => "head".to_owned(),
            (None, name) => name.to_owned(),
        }
    }
}

/// A function's body and signature.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: RangeInclusive<usize>,
}

/// Every token, white space and comments included, and where it stands.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = (TokenKind, Range<usize>)> {
    tokenize(text, FrontmatterAllowed::No).scan(0, |end, token| {
        let start = *end;
        *end += token.len as usize;
        Some((token.kind, start..*end))
    })
}

pub(crate) fn is_comment(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::LineComment { .. } | TokenKind::BlockComment { .. })
}

/// The comments that stand in lines of their own, each as one text: lines in a row are one comment.
pub(crate) fn comments(text: &str) -> Vec<String> {
    let (mut found, mut open): (Vec<String>, _) = (Vec::new(), false);
    for line in text.lines() {
        let Some(words) = line.trim().strip_prefix("// ") else {
            open = false;
            continue;
        };
        match found.last_mut() {
            Some(last) if open => *last = format!("{last} {words}"),
            _ => found.push(words.to_owned()),
        }
        open = true;
    }
    found
}

/// The modules that a file declares, in its order. None if it cannot be parsed: whoever needs more will say so.
pub(crate) fn modules(text: &str) -> Vec<String> {
    let items = syn::parse_file(text).map(|file| file.items).unwrap_or_default();
    let name = |item| match item {
        syn::Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    };
    items.into_iter().filter_map(name).collect()
}

impl<'a> Source<'a> {
    pub(crate) fn parse(path: &str, text: &'a str) -> Result<Self> {
        match syn::parse_file(text) {
            Ok(syntax) => {
                let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
                let starts = iter::once(0).chain(breaks).collect();
                Ok(Self { text, syntax, starts })
            }
            Err(error) => failed(format!("{path}:{}: {error}", error.span().start().line)),
        }
    }

    /// How many lines hold code other than `use`: no blanks, no comments.
    pub(crate) fn code_lines(&self) -> usize {
        self.numbers_of_code().len()
    }

    /// Those lines alone.
    pub(crate) fn code(&self) -> String {
        let lines: Vec<_> = self.text.lines().collect();
        let code = self.numbers_of_code().into_iter().map(|line| lines[line - 1]);
        code.map(|line| format!("{line}\n")).collect()
    }

    fn numbers_of_code(&self) -> BTreeSet<usize> {
        let mut code = BTreeSet::new();
        for (kind, range) in tokens(self.text) {
            if kind != TokenKind::Whitespace && !is_comment(kind) {
                code.extend(self.line(range.start)..=self.line(range.end - 1));
            }
        }
        &code - &self.import_lines()
    }

    /// The lines of `use`.
    pub(crate) fn import_lines(&self) -> BTreeSet<usize> {
        let mut uses = Uses::default();
        uses.visit_file(&self.syntax);
        uses.0
    }

    /// How many lines hold the keyword `unsafe`.
    pub(crate) fn unsafe_lines(&self) -> usize {
        let found = tokens(self.text).filter(|(_, range)| &self.text[range.clone()] == "unsafe");
        let lines: BTreeSet<_> = found.map(|(_, range)| self.line(range.start)).collect();
        lines.len()
    }

    /// How many items are `pub`, methods and fields included. What `pub use` shows again is not counted again.
    pub(crate) fn public_items(&self) -> usize {
        let mut public = Public(0);
        public.visit_file(&self.syntax);
        public.0
    }

    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut functions = Functions::default();
        functions.visit_file(&self.syntax);
        functions.0
    }

    /// The modules of the crate that this one imports, by the paths that begin with `crate` or `super`: `task`. An item at
    /// the crate's root counts by its own name.
    pub(crate) fn imports(&self) -> BTreeSet<String> {
        let mut imports = Imports::default();
        imports.visit_file(&self.syntax);
        imports.0
    }

    /// What a file re-exports from its modules: each name, and the module.
    pub(crate) fn exports(&self) -> BTreeMap<String, String> {
        let mut exports = BTreeMap::new();
        for item in &self.syntax.items {
            if let syn::Item::Use(item) = item
                && let syn::UseTree::Path(path) = &item.tree
            {
                let module = path.ident.to_string();
                exports.extend(used_names(&path.tree).into_iter().map(|name| (name, module.clone())));
            }
        }
        exports
    }

    /// The documentation of the items that are `pub`, by name.
    pub(crate) fn public_docs(&self) -> BTreeMap<String, String> {
        let mut docs = BTreeMap::new();
        for item in &self.syntax.items {
            match item {
                syn::Item::Impl(block) => {
                    for inner in &block.items {
                        if let syn::ImplItem::Fn(method) = inner
                            && matches!(method.vis, syn::Visibility::Public(_))
                        {
                            let name = format!("{}::{}", type_name(&block.self_ty), method.sig.ident);
                            docs.insert(name, doc(&method.attrs));
                        }
                    }
                }
                item => {
                    if let Some((syn::Visibility::Public(_), attrs)) = visibility(item) {
                        docs.insert(name(item), doc(attrs));
                    }
                }
            }
        }
        docs
    }

    /// The items, and those within an `impl` or a module each for itself.
    pub(crate) fn items(&self) -> Vec<Item> {
        let mut items = Items {
            lines: self.text.lines().collect(),
            end: self.syntax.attrs.last().map_or(0, |attr| last_line(attr.span())),
            found: Vec::new(),
        };
        let head = items.lines[..items.end].join("\n");
        items.found.extend((!head.is_empty()).then(|| Item {
            name: "(head)".to_owned(),
            line: 1,
            text: head,
        }));
        items.walk(&self.syntax.items, "");
        items.found
    }

    /// The line of a byte, counted from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte)
    }
}

fn lines(span: Span) -> RangeInclusive<usize> {
    span.start().line..=span.end().line
}

fn last_line(span: Span) -> usize {
    span.end().line
}

#[derive(Default)]
struct Uses(BTreeSet<usize>);

impl Visit<'_> for Uses {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.0.extend(lines(item.span()));
    }
}

#[derive(Default)]
struct Imports(BTreeSet<String>);

impl Visit<'_> for Imports {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && (path.ident == "crate" || path.ident == "super")
        {
            self.0.extend(used_names(&path.tree));
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate") {
            let mut modules = segments.skip_while(|segment| segment.ident == FOLDER);
            self.0.extend(modules.next().map(|segment| segment.ident.to_string()));
        }
        visit::visit_path(self, path);
    }
}

/// A module that only declares others: the first name of a path is behind it.
const FOLDER: &str = "extra";

/// The first name of each path in what is left of a `use`.
fn used_names(tree: &syn::UseTree) -> Vec<String> {
    match tree {
        syn::UseTree::Path(path) if path.ident == FOLDER => used_names(&path.tree),
        syn::UseTree::Path(path) => vec![path.ident.to_string()],
        syn::UseTree::Name(name) => vec![name.ident.to_string()],
        syn::UseTree::Rename(rename) => vec![rename.ident.to_string()],
        syn::UseTree::Group(group) => group.items.iter().flat_map(used_names).collect(),
        syn::UseTree::Glob(_) => Vec::new(),
    }
}

fn visibility(item: &syn::Item) -> Option<(&syn::Visibility, &[syn::Attribute])> {
    match item {
        syn::Item::Const(item) => Some((&item.vis, &item.attrs)),
        syn::Item::Enum(item) => Some((&item.vis, &item.attrs)),
        syn::Item::Fn(item) => Some((&item.vis, &item.attrs)),
        syn::Item::Static(item) => Some((&item.vis, &item.attrs)),
        syn::Item::Struct(item) => Some((&item.vis, &item.attrs)),
        syn::Item::Trait(item) => Some((&item.vis, &item.attrs)),
        syn::Item::Type(item) => Some((&item.vis, &item.attrs)),
        _ => None,
    }
}

/// The text of the `///` above an item.
fn doc(attrs: &[syn::Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        syn::Meta::NameValue(meta) if meta.path.is_ident("doc") => text(&meta.value),
        _ => None,
    });
    lines.map(|line| format!("///{line}\n")).collect()
}

/// What a literal string holds.
pub(crate) fn text(value: &syn::Expr) -> Option<String> {
    match value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

struct Public(usize);

impl Visit<'_> for Public {
    fn visit_visibility(&mut self, visibility: &syn::Visibility) {
        self.0 += usize::from(matches!(visibility, syn::Visibility::Public(_)));
    }

    fn visit_item_use(&mut self, _: &syn::ItemUse) {}
}

#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, sig: &syn::Signature, block: &syn::Block) {
        let name = sig.ident.to_string();
        let lines = sig.span().start().line..=last_line(block.span());
        self.0.push(Function { name, lines });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
    }
}

struct Items<'a> {
    lines: Vec<&'a str>,
    /// The last line of what stands before the next item: its comments begin below.
    end: usize,
    found: Vec<Item>,
}

impl Items<'_> {
    fn walk(&mut self, items: &[syn::Item], prefix: &str) {
        for item in items {
            match item {
                syn::Item::Impl(item) if !item.items.is_empty() => self.walk_impl(item, prefix),
                syn::Item::Mod(syn::ItemMod {
                    ident,
                    content: Some((_, items)),
                    ..
                }) => {
                    let inner = format!("{prefix}{ident}::");
                    self.end = item.span().start().line;
                    self.walk(items, &inner);
                }
                // Imports and module lists follow from the rest.
                syn::Item::Use(_) | syn::Item::Mod(_) => {}
                item => self.add(format!("{prefix}{}", name(item)), item.span()),
            }
            self.end = last_line(item.span());
        }
    }

    fn walk_impl(&mut self, item: &syn::ItemImpl, prefix: &str) {
        self.end = item.brace_token.span.open().start().line;
        let owner = type_name(&item.self_ty);
        for inner in &item.items {
            let ident = match inner {
                syn::ImplItem::Fn(inner) => inner.sig.ident.to_string(),
                syn::ImplItem::Const(inner) => inner.ident.to_string(),
                syn::ImplItem::Type(inner) => inner.ident.to_string(),
                _ => "?".to_owned(),
            };
            let name = match &item.trait_ {
                Some((path, _)) => format!("{prefix}{}::{ident}@{owner}", last_segment(path)),
                None => format!("{prefix}{owner}::{ident}"),
            };
            self.add(name, inner.span());
        }
    }

    fn add(&mut self, name: String, span: Span) {
        let last = last_line(span);
        let first = (self.end..last).find(|&line| !self.lines[line].trim().is_empty());
        let first = first.unwrap_or(self.end);
        let twins = self
            .found
            .iter()
            .filter(|item| item.name.split('#').next() == Some(&name))
            .count();
        let name = if twins == 0 {
            name
        } else {
            format!("{name}#{}", twins + 1)
        };
        self.found.push(Item {
            name,
            line: first + 1,
            text: self.lines[first..last].join("\n"),
        });
        self.end = last;
    }
}

fn name(item: &syn::Item) -> String {
    match item {
        syn::Item::Const(item) => item.ident.to_string(),
        syn::Item::Enum(item) => item.ident.to_string(),
        syn::Item::Fn(item) => item.sig.ident.to_string(),
        syn::Item::Impl(item) => {
            let of = item.trait_.as_ref().map(|(path, _)| last_segment(path));
            format!("{}@{}", of.unwrap_or_default(), type_name(&item.self_ty))
        }
        syn::Item::Macro(item) => format!("{}!", last_segment(&item.mac.path)),
        syn::Item::Static(item) => item.ident.to_string(),
        syn::Item::Struct(item) => item.ident.to_string(),
        syn::Item::Trait(item) => item.ident.to_string(),
        syn::Item::Type(item) => item.ident.to_string(),
        syn::Item::Union(item) => item.ident.to_string(),
        _ => "?".to_owned(),
    }
}

fn type_name(ty: &syn::Type) -> String {
    match ty {
        syn::Type::Path(ty) => last_segment(&ty.path),
        syn::Type::Reference(ty) => format!("&{}", type_name(&ty.elem)),
        _ => "?".to_owned(),
    }
}

fn last_segment(path: &syn::Path) -> String {
    path.segments
        .last()
        .map(|segment| segment.ident.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
//! Head,
//! in two lines.

use std::cell::{
    Cell, RefCell,
};

// Above the type.
/// A type.
pub struct Task<F> {
    pub key: u64, // behind code
    /* a block
       of comment */
    future: F,
}

impl<F: Send> Task<F> {
    pub(crate) fn poll(&self) -> &str {
        \"// no comment,
        and two lines\"
    }
}

impl<F> Clone for Task<F> {
    /// Copies.
    fn clone(&self) -> Self {
        unsafe { unsafe_code() }
    }
}

// SAFETY: none.
unsafe impl<F> Send for Task<F> {}

pub use std::rc::Rc;

mod inner {
    pub fn twin() {}
}
";

    fn source() -> Source<'static> {
        Source::parse("text.rs", TEXT).expect("it is Rust")
    }

    fn item(name: &str) -> Item {
        let found = source().items().into_iter().find(|item| item.name == name);
        found.unwrap_or_else(|| panic!("{name} is not found"))
    }

    #[test]
    fn code_lines_are_those_without_blanks_comments_and_imports() {
        // The type 4, `impl Task` 6, `impl Clone` 5, `impl Send` 1, the module 3.
        assert_eq!(source().code_lines(), 19);
    }

    #[test]
    fn only_the_keyword_makes_a_line_unsafe() {
        assert_eq!(source().unsafe_lines(), 2);
    }

    #[test]
    fn public_are_items_and_fields_but_not_what_is_shown_again() {
        assert_eq!(source().public_items(), 3);
    }

    #[test]
    fn items_are_named_without_generics_and_hold_their_comments() {
        let names: Vec<_> = source().items().into_iter().map(|item| item.name).collect();
        let expected = [
            "(head)",
            "Task",
            "Task::poll",
            "Clone::clone@Task",
            "Send@Task",
            "inner::twin",
        ];
        assert_eq!(names, expected);
        assert_eq!((item("(head)").line, item("Task").line), (1, 8));
        assert!(
            item("Task")
                .text
                .starts_with("// Above the type.\n/// A type.\npub struct")
        );
        assert!(item("Clone::clone@Task").text.starts_with("    /// Copies.\n"));
        assert!(item("Send@Task").text.starts_with("// SAFETY: none.\nunsafe impl"));
    }

    #[test]
    fn names_are_said_as_one_would_call_the_item() {
        let names = ["(head)", "Task::poll", "Clone::clone@Task", "Send@Task"].map(|name| item(name).plain_name());
        assert_eq!(names, ["head", "Task::poll", "Task::clone", "Task"]);
    }

    #[test]
    fn functions_are_as_long_as_from_the_signature_to_the_brace() {
        let lengths = source().functions().into_iter().map(|function| function.lines.count());
        assert_eq!(lengths.collect::<Vec<_>>(), [4, 3, 1]);
    }

    #[test]
    fn twins_are_told_apart() {
        let text = "#[cfg(unix)]\nfn f() {}\n#[cfg(windows)]\nfn f() {}\n";
        let items = Source::parse("text.rs", text).expect("it is Rust").items();
        assert_eq!(
            items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(),
            ["f", "f#2"]
        );
    }
}
