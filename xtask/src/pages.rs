//! What browsers load, under `target/site`: `pkg/aiwe.css`, for each module `pkg/aiwe-….js` and
//! `pkg/aiwe-…_bg.wasm`, and everything in `app/public`, each with a brotli and a gzip copy beside it. Needs no network.
//!
//! The names are those that Leptos' own `HydrationScripts` asks for when the server was built by plain cargo.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::{Context, Result};
use crate::fingerprint;
use crate::paths::Paths;
use crate::process;
use crate::setup::{Tools, WASM};

/// Rust as WASM, with the JavaScript around it.
struct Module {
    /// Without the `aiwe-` that all of them begin with.
    name: &'static str,
    package: &'static str,
    features: &'static [&'static str],
}

/// The module of a surface of the app: the package `browser` with the feature of that name.
const fn surface(name: &'static str, feature: &'static [&'static str]) -> Module {
    Module { name, package: "browser", features: feature }
}

const MODULES: [Module; 4] = [
    surface("public", &["public"]),
    surface("panel", &["panel"]),
    surface("sidebar", &["sidebar"]),
    // The download page loads it to make a key.
    Module { name: "keys", package: "keys", features: &[] },
];

/// What the compiler emits by default since Rust 1.82, so that Binaryen accepts and keeps it.
const WASM_FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Does nothing when nothing changed.
pub fn build(paths: &Paths, tools: &Tools) -> Result {
    let stamp = paths.target().join("site.stamp");
    let sum = fingerprint::compute(&inputs(paths), &[&tools.toolchain.version()])?;
    let whole = files().all(|name| package(paths).join(name).is_file());
    if whole && fingerprint::matches(&stamp, &sum) {
        return Ok(());
    }
    println!("building the pages");
    let start = Instant::now();
    fs::create_dir_all(package(paths)).context("making the folder of the pages")?;
    for module in &MODULES {
        module.build(paths, tools)?;
    }
    style_sheet(tools)?;
    copy(&paths.root.join("app/public"), &paths.site())?;
    compress(paths, tools)?;
    fingerprint::write(&stamp, &sum)?;
    println!("    done in {} s; {}", start.elapsed().as_secs(), sizes(paths));
    Ok(())
}

fn files() -> impl Iterator<Item = String> {
    MODULES.iter().flat_map(|module| [module.wasm(), module.script()]).chain(["aiwe.css".to_owned()])
}

fn inputs(paths: &Paths) -> Vec<PathBuf> {
    let inputs = [
        ".cargo/config.toml",
        "Cargo.lock",
        "Cargo.toml",
        "app",
        "crates/domain",
        "crates/package",
        "crates/protocol",
        "style",
        "xtask/compress.mjs",
        "xtask/src/pages.rs",
    ];
    inputs.iter().map(|input| paths.root.join(input)).collect()
}

fn package(paths: &Paths) -> PathBuf {
    paths.site().join("pkg")
}

impl Module {
    fn script(&self) -> String {
        format!("aiwe-{}.js", self.name)
    }

    fn wasm(&self) -> String {
        format!("aiwe-{}_bg.wasm", self.name)
    }

    /// Rust to WASM, the JavaScript around it, and both made small.
    fn build(&self, paths: &Paths, tools: &Tools) -> Result {
        let mut cargo = tools.cargo();
        cargo.args(["build", "--package", self.package, "--no-default-features"]);
        cargo.args(self.features.iter().flat_map(|feature| ["--features", feature]));
        cargo.args(["--target", WASM, "--profile", "wasm"]);
        process::run(&mut cargo)?;

        let compiled = paths.target().join(WASM).join("wasm").join(format!("{}.wasm", self.package));
        let stamp = paths.target().join(format!("site-{}.stamp", self.name));
        let sum = fingerprint::compute(&[compiled.clone(), paths.root.join("Cargo.lock")], WASM_FEATURES)?;
        let script = package(paths).join(self.script());
        let optimised = package(paths).join(self.wasm());
        // When only a style changed, cargo leaves the same file behind.
        if script.is_file() && optimised.is_file() && fingerprint::matches(&stamp, &sum) {
            return Ok(());
        }
        let bound = paths.target().join("wasm-bindgen");
        let mut bindgen = tools.program("wasm-bindgen");
        bindgen
            .args(["--target", "web", "--no-typescript", "--out-name", &format!("aiwe-{}", self.name)])
            .arg("--out-dir")
            .arg(&bound)
            .arg(&compiled);
        process::run(&mut bindgen)?;
        fs::copy(bound.join(self.script()), &script).context("copying the script")?;
        let mut optimise = tools.program("wasm-opt");
        optimise.arg("-Oz").args(WASM_FEATURES).arg(bound.join(self.wasm())).arg("-o").arg(&optimised);
        process::run(&mut optimise)?;
        fingerprint::write(&stamp, &sum)
    }
}

fn style_sheet(tools: &Tools) -> Result {
    let mut tailwind = tools.program("tailwindcss");
    tailwind.args(["--input", "style/main.css", "--output", "target/site/pkg/aiwe.css", "--minify"]);
    process::run_logged("making the style sheet", &mut tailwind, &tools.log("tailwind"))
}

fn copy(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to).context(format_args!("making {}", to.display()))?;
    for entry in fs::read_dir(from).context(format_args!("reading {}", from.display()))?.flatten() {
        let (source, copied) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &copied)?;
        } else {
            fs::copy(&source, &copied).context(format_args!("copying {}", source.display()))?;
        }
    }
    Ok(())
}

fn compress(paths: &Paths, tools: &Tools) -> Result {
    let mut node = tools.program("node");
    node.arg("xtask/compress.mjs").arg(paths.site());
    process::run(&mut node)
}

fn sizes(paths: &Paths) -> String {
    let size = |name: &str| {
        let bytes = fs::metadata(package(paths).join(format!("{name}.br"))).map_or(0, |about| about.len());
        format!("{name} {} kB", bytes.div_ceil(1000))
    };
    let sizes: Vec<String> = files().map(|name| size(&name)).collect();
    format!("brotli: {}", sizes.join(", "))
}
