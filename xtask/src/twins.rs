//! exp6's modules, and the files that hold them: the plain one, and for some a twin in `fast`.

use crate::compare::FileDiff;
use crate::rust;
use crate::stop::{Result, failed};
use crate::tree::Tree;

/// The step that has `fast` and `extra`.
pub(crate) const STEP: &str = "exp6-combined";

/// The file that declares the modules of `extra`.
pub(crate) const EXTRA: &str = "extra/mod.rs";

/// The features in the order in which `fast/README.md` leads through their files.
const FEATURES: [&str; 4] = ["fast-timers", "fast-tasks", "fast-io", "fast-jobs"];

/// A module that `lib.rs` declares.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    /// The file without any feature, as a path from the project's folder.
    pub(crate) plain: String,
    pub(crate) fast: Option<Fast>,
}

/// What replaces a plain file, and when.
#[derive(Debug)]
pub(crate) struct Fast {
    pub(crate) path: String,
    /// Without blanks: `feature="fast-timers"`.
    pub(crate) condition: String,
}

impl Fast {
    /// The feature that has to be on.
    pub(crate) fn feature(&self) -> Option<&str> {
        let (_, rest) = self.condition.split_once("feature=\"")?;
        let feature = rest.split('"').next()?;
        feature.starts_with("fast-").then_some(feature)
    }
}

/// A plain file beside the file of `fast` that replaces it.
#[derive(Debug)]
pub(crate) struct Twin {
    /// As paths from the project's folder.
    pub(crate) plain: String,
    pub(crate) fast: String,
    pub(crate) feature: String,
    pub(crate) diff: FileDiff,
}

/// All twins in the reading order: by feature, and within a feature as `lib.rs` declares the modules.
pub(crate) fn twins(tree: &Tree) -> Result<Vec<Twin>> {
    let mut twins = Vec::new();
    for module in modules(tree)? {
        let Some(fast) = module.fast else { continue };
        let (old, new) = (tree.read(&module.plain)?, tree.read(&fast.path)?);
        twins.push(Twin {
            feature: fast.feature().unwrap_or_default().to_owned(),
            diff: FileDiff::between(&format!("{}.rs", module.name), Some(old), Some(new)),
            plain: module.plain,
            fast: fast.path,
        });
    }
    twins.sort_by_key(|twin| {
        let place = FEATURES.iter().position(|feature| *feature == twin.feature);
        place.unwrap_or(FEATURES.len())
    });
    Ok(twins)
}

/// A path without the step's folder: `src/timers.rs`.
pub(crate) fn short(path: &str) -> &str {
    path.strip_prefix(STEP).map_or(path, |path| &path[1..])
}

/// In the order in which `lib.rs` declares them, and after that `extra/mod.rs`.
pub(crate) fn modules(tree: &Tree) -> Result<Vec<Module>> {
    let mut modules = declared(tree, "src", "lib.rs")?;
    if modules.iter().any(|module| module.plain == format!("{STEP}/{EXTRA}")) {
        modules.extend(declared(tree, "extra", "mod.rs")?);
    }
    Ok(modules)
}

fn declared(tree: &Tree, folder: &str, file: &str) -> Result<Vec<Module>> {
    let path = format!("{STEP}/{folder}/{file}");
    let syntax = syn::parse_file(&tree.read(&path)?);
    let syntax = syntax.or_else(|error| failed(format!("{path}:{}: {error}", error.span().start().line)))?;
    let modules = syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) if item.content.is_none() => Some(module(folder, item)),
        _ => None,
    });
    Ok(modules.collect())
}

fn module(folder: &str, item: &syn::ItemMod) -> Module {
    let name = item.ident.to_string();
    let mut module = Module {
        plain: format!("{STEP}/{folder}/{name}.rs"),
        name,
        fast: None,
    };
    for attr in &item.attrs {
        let Some((condition, path)) = path(attr) else { continue };
        let path = match path.strip_prefix("../") {
            Some(path) => format!("{STEP}/{path}"),
            None => format!("{STEP}/{folder}/{path}"),
        };
        match condition {
            Some(condition) => module.fast = Some(Fast { path, condition }),
            None => module.plain = path,
        }
    }
    module
}

/// From `#[cfg_attr(condition, path = "…")]` or `#[path = "…"]` the condition and the path.
fn path(attr: &syn::Attribute) -> Option<(Option<String>, String)> {
    match &attr.meta {
        syn::Meta::NameValue(meta) if meta.path.is_ident("path") => Some((None, rust::text(&meta.value)?)),
        syn::Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let tokens: String = list.tokens.to_string().split_whitespace().collect();
            let (condition, path) = tokens.rsplit_once(",path=")?;
            Some((Some(condition.to_owned()), path.trim_matches('"').to_owned()))
        }
        _ => None,
    }
}
