//! exp6 with each choice of its fast features that is compared, each built as a program of its own.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;

use crate::common::package::Package;

const EXP6: &str = include_str!("../../Cargo.toml");
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// A choice of features.
pub(crate) struct Variant {
    /// As a column is called.
    pub(crate) title: String,
    features: Vec<&'static str>,
}

/// The variants of a table, by their places: with all features, with all but each, with none, with each alone.
pub(crate) struct Variants {
    pub(crate) features: Vec<&'static str>,
    pub(crate) all: Vec<Variant>,
}

impl Variants {
    pub(crate) fn new() -> Self {
        let features = features();
        let variant = |title: String, is_on: &dyn Fn(&str) -> bool| Variant {
            title,
            features: features.iter().copied().filter(|feature| is_on(feature)).collect(),
        };
        let mut all = vec![variant("all".to_owned(), &|_| true)];
        all.extend(
            features
                .iter()
                .map(|out| variant(format!("without `{out}`"), &|feature| feature != *out)),
        );
        all.push(variant("plain".to_owned(), &|_| false));
        all.extend(
            features
                .iter()
                .map(|alone| variant(format!("`{alone}` alone"), &|feature| feature == *alone)),
        );
        Self { features, all }
    }

    /// With what a variant is compared, and whether it is the slower of the two: without a feature is slower than with all, and
    /// with none slower than with one.
    pub(crate) fn pair(&self, place: usize) -> Option<(usize, usize)> {
        let plain = self.plain();
        match place {
            0 => None,
            place if place < plain => Some((place, 0)),
            place if place == plain => None,
            place => Some((plain, place)),
        }
    }

    pub(crate) fn plain(&self) -> usize {
        self.features.len() + 1
    }

    /// The place of the variant without a feature, and of the one with it alone.
    pub(crate) fn of(&self, feature: usize) -> [usize; 2] {
        [1 + feature, self.plain() + 1 + feature]
    }

    /// Builds all of them, and returns their programs. All variants are built in one folder, so dependencies are built once.
    ///
    /// # Errors
    ///
    /// What cargo says.
    pub(crate) fn build(&self) -> Result<Vec<PathBuf>, String> {
        // Of the bench alone: the program that it builds has no such folder, and builds nothing.
        let Some(folder) = option_env!("CARGO_TARGET_TMPDIR") else {
            return Err("a variant builds no variants".to_owned());
        };
        let package = Package::new(PathBuf::from(folder).join("ablation"), &self.manifest());
        self.all.iter().map(|variant| variant.build(&package)).collect()
    }

    /// This bench as a program, with exp6's features as its own.
    fn manifest(&self) -> String {
        let bench = env!("CARGO_MANIFEST_DIR");
        let forward = |feature: &&str| format!("{feature} = [\"exp6-combined/{feature}\"]\n");
        let features: String = self.features.iter().map(forward).collect();
        let versions = table(WORKSPACE, "workspace.dependencies");
        format!(
            r#"[package]
name = "ablation"
edition = "2024"

[[bin]]
name = "ablation"
path = "{bench}/benches/ablation/main.rs"

[dependencies]
async-channel.workspace = true
exp6-combined = {{ path = "{bench}", default-features = false }}
futures.workspace = true
lexopt.workspace = true
rustix = {{ workspace = true, features = ["process", "time"] }}

[features]
{features}
[workspace.dependencies]
{versions}"#
        )
    }
}

impl Variant {
    fn build(&self, package: &Package) -> Result<PathBuf, String> {
        eprintln!("building {}", self.title);
        let features = self.features.join(",");
        let args = [
            "build",
            "--quiet",
            "--release",
            "--no-default-features",
            "--features",
            &features,
        ];
        let output = package
            .cargo(&args)
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{} cannot be built:\n{words}", self.title));
        }
        // The next variant is built in its place.
        let built = package.target().join(format!("release/ablation{EXE_SUFFIX}"));
        let name = if features.is_empty() { "plain" } else { &features };
        let program = package.folder().join(format!("{name}{EXE_SUFFIX}"));
        let copied = fs::copy(&built, &program);
        copied.map_err(|error| format!("{}: {error}", built.display()))?;
        Ok(program)
    }
}

/// What exp6's manifest has of the name `fast-…`.
fn features() -> Vec<&'static str> {
    let lines = table(EXP6, "features").lines();
    let names = lines.filter_map(|line| Some(line.split_once('=')?.0.trim()));
    names.filter(|name| name.starts_with("fast-")).collect()
}

/// The lines of a table of a manifest.
fn table(manifest: &'static str, name: &str) -> &'static str {
    let after = manifest.split_once(&format!("\n[{name}]\n"));
    let (_, lines) = after.expect("the manifest has the table");
    lines.split_once("\n[").map_or(lines, |(lines, _)| lines)
}
