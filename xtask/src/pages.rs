//! What browsers load, under `target/site`: `pkg/aiwe.css`, for each surface of the app `pkg/aiwe-….js` and
//! `pkg/aiwe-…_bg.wasm`, and everything in `app/public`, each with a brotli and a gzip copy beside it. Needs no network.
//!
//! The names are those that Leptos' own `HydrationScripts` asks for when the server was built by plain cargo.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::failure::{Doing, Outcome};
use crate::fingerprint;
use crate::places::Places;
use crate::process;
use crate::setup::{Tools, WASM};

/// The features of the package `browser`, each a module of its own.
const SURFACES: [&str; 3] = ["public", "panel", "sidebar"];

/// What the compiler uses unasked since Rust 1.82, so that Binaryen accepts and keeps it.
const WASM_FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds what changed.
pub fn build(places: &Places, tools: &Tools) -> Outcome {
    let stamp = places.target().join("site.stamp");
    let sum = fingerprint::of(&inputs(places), &[&tools.toolchain.version()])?;
    let whole = files().all(|name| package(places).join(name).is_file());
    if whole && fingerprint::holds(&stamp, &sum) {
        return Ok(());
    }
    println!("building the pages");
    let start = Instant::now();
    fs::create_dir_all(package(places)).doing("making the folder of the pages")?;
    for surface in SURFACES {
        web_assembly(places, tools, surface)?;
    }
    style_sheet(tools)?;
    copy(&places.root.join("app/public"), &places.site())?;
    compress(places, tools)?;
    fingerprint::put(&stamp, &sum)?;
    println!("    done in {} s; {}", start.elapsed().as_secs(), sizes(places));
    Ok(())
}

fn files() -> impl Iterator<Item = String> {
    let modules = SURFACES.iter().flat_map(|surface| [module(surface), format!("aiwe-{surface}.js")]);
    modules.chain(["aiwe.css".to_owned()])
}

fn module(surface: &str) -> String {
    format!("aiwe-{surface}_bg.wasm")
}

fn inputs(places: &Places) -> Vec<PathBuf> {
    let inputs = [
        ".cargo/config.toml",
        "Cargo.lock",
        "Cargo.toml",
        "app",
        "crates/protocol",
        "style",
        "xtask/compress.mjs",
        "xtask/src/pages.rs",
    ];
    inputs.iter().map(|input| places.root.join(input)).collect()
}

fn package(places: &Places) -> PathBuf {
    places.site().join("pkg")
}

/// Rust to WASM, the JavaScript around it, and both made small.
fn web_assembly(places: &Places, tools: &Tools, surface: &str) -> Outcome {
    let mut cargo = tools.cargo();
    cargo.args(["build", "--package", "browser", "--no-default-features", "--features", surface]);
    cargo.args(["--target", WASM, "--profile", "wasm"]);
    process::must(&mut cargo)?;

    let compiled = places.target().join(WASM).join("wasm/browser.wasm");
    let stamp = places.target().join(format!("site-{surface}.stamp"));
    let sum = fingerprint::of(&[compiled.clone(), places.root.join("Cargo.lock")], WASM_FEATURES)?;
    let name = format!("aiwe-{surface}");
    let script = package(places).join(format!("{name}.js"));
    let optimised = package(places).join(module(surface));
    // cargo makes the same file again when nothing changed for it, as when only a style did.
    if script.is_file() && optimised.is_file() && fingerprint::holds(&stamp, &sum) {
        return Ok(());
    }
    let bound = places.target().join("wasm-bindgen");
    let mut bindgen = tools.program("wasm-bindgen");
    bindgen
        .args(["--target", "web", "--no-typescript", "--out-name", &name, "--out-dir"])
        .arg(&bound)
        .arg(&compiled);
    process::must(&mut bindgen)?;
    fs::copy(bound.join(format!("{name}.js")), &script).doing("copying the script")?;
    let mut optimise = tools.program("wasm-opt");
    optimise.arg("-Oz").args(WASM_FEATURES).arg(bound.join(module(surface))).arg("-o").arg(&optimised);
    process::must(&mut optimise)?;
    fingerprint::put(&stamp, &sum)
}

fn style_sheet(tools: &Tools) -> Outcome {
    let mut tailwind = tools.program("tailwindcss");
    tailwind.args(["--input", "style/main.css", "--output", "target/site/pkg/aiwe.css", "--minify"]);
    process::quietly("making the style sheet", &mut tailwind, &tools.log("tailwind"))
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).doing(format_args!("making {}", to.display()))?;
    for entry in fs::read_dir(from).doing(format_args!("reading {}", from.display()))?.flatten() {
        let (source, copied) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &copied)?;
        } else {
            fs::copy(&source, &copied).doing(format_args!("copying {}", source.display()))?;
        }
    }
    Ok(())
}

fn compress(places: &Places, tools: &Tools) -> Outcome {
    let mut node = tools.program("node");
    node.arg("xtask/compress.mjs").arg(places.site());
    process::must(&mut node)
}

fn sizes(places: &Places) -> String {
    let size = |name: &str| {
        let bytes = fs::metadata(package(places).join(format!("{name}.br"))).map_or(0, |about| about.len());
        format!("{name} {} kB", bytes.div_ceil(1000))
    };
    let told: Vec<String> = files().map(|name| size(&name)).collect();
    format!("brotli: {}", told.join(", "))
}
