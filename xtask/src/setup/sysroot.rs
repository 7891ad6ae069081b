//! A private sysroot: Debian's own rustc and libraries by links, and beside them the WASM target's library,
//! compiled here from Debian's source package. Nothing is written outside the cache folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::toolchain::WASM;
use crate::error::{Context, Error, Result};
use crate::paths::Paths;
use crate::process;

const RUSTC: &str = "/usr/bin/rustc";
const LINKER: &str = "/usr/bin/rust-lld";
const LINKED: &[&str] = &["cargo", "cargo-clippy", "cargo-fmt", "rustdoc", "rustfmt"];
/// What cargo compiles to get the library; its own crate is left behind.
const MANIFEST: &str = "\
[package]
name = \"throwaway\"
version = \"0.0.0\"
edition = \"2021\"

[profile.release]
panic = \"abort\"
opt-level = \"z\"

[workspace]
";

/// The pages are linked with link-time optimisation, which reads the library's bitcode too. cargo leaves that away.
const LIBRARY_FLAGS: (&str, &str) = ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Cembed-bitcode=yes");

pub fn folder(paths: &Paths) -> PathBuf {
    paths.cache.join("sysroot")
}

/// Whether it was built, by the rustc that is installed now and as it is to be.
pub fn is_current(paths: &Paths) -> bool {
    let stamped = fs::read_to_string(stamp(paths)).unwrap_or_default();
    !stamped.is_empty() && Path::new(LINKER).exists() && recipe().is_some_and(|recipe| recipe == stamped)
}

/// The package that holds the linker's program, when it is not installed: it has the program's name.
pub fn missing_linker() -> Option<String> {
    if Path::new(LINKER).exists() {
        return None;
    }
    let program = fs::read_link(LINKER).ok()?;
    Some(program.file_name()?.to_str()?.to_owned())
}

pub fn build(paths: &Paths) -> Result {
    let recipe = recipe().ok_or_else(|| Error::new(format!("{RUSTC} does not run")))?;
    let folder = folder(paths);
    let _ = fs::remove_dir_all(&folder);
    let library = folder.join("lib/rustlib").join(WASM).join("lib");
    for path in [&library, &folder.join("bin"), &folder.join("linker")] {
        fs::create_dir_all(path).context(format_args!("making {}", path.display()))?;
    }
    for name in LINKED {
        link_to(&Path::new("/usr/bin").join(name), &folder.join("bin").join(name))?;
    }
    let here = quoted(&folder);
    link_to(Path::new(LINKER), &folder.join("linker/ld.lld"))?;
    script(&folder.join("bin/rustc"), &rustc(&folder))?;
    script(&folder.join("bin/clippy-driver"), &format!("SYSROOT={here} exec /usr/bin/clippy-driver \"$@\""))?;
    for entry in fs::read_dir("/usr/lib/rustlib").context("reading /usr/lib/rustlib")?.flatten() {
        if entry.file_name() != WASM {
            link_to(&entry.path(), &folder.join("lib/rustlib").join(entry.file_name()))?;
        }
    }
    compile_library(paths, &library)?;
    fs::write(stamp(paths), recipe).context("stamping the sysroot")
}

/// Programs for this machine are linked by the same linker as the pages, under the name that the C compiler asks for: GNU's
/// takes several times as long for each of the many test programs. As arguments, since flags in the environment would count
/// for WASM too, or have what both need compiled twice.
fn rustc(folder: &Path) -> String {
    let (sysroot, linker) = (quoted(folder), quoted(&folder.join("linker/")));
    format!(
        "case \" $* \" in\n*' {WASM} '*) exec {RUSTC} --sysroot {sysroot} \"$@\" ;;\n\
         *) exec {RUSTC} --sysroot {sysroot} \"$@\" -Clink-arg=-fuse-ld=lld -Clink-arg=-B{linker} ;;\nesac"
    )
}

/// Lets `cargo +aiwe leptos watch` use it. A toolchain of that name that is already there is left alone.
pub fn link(paths: &Paths) {
    let known = process::stdout(process::command("rustup").args(["toolchain", "list"])).unwrap_or_default();
    if !known.lines().any(|line| line.split_whitespace().next() == Some("aiwe")) {
        // Without rustup there is nothing to link to, and nothing that needs the link.
        let _ = process::stdout(
            process::command("rustup").args(["toolchain", "link", "aiwe"]).arg(folder(paths)),
        );
    }
}

fn compile_library(paths: &Paths, library: &Path) -> Result {
    let scratch = paths.scratch("std");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(scratch.join("src")).context(format_args!("making {}", scratch.display()))?;
    fs::write(scratch.join("Cargo.toml"), MANIFEST).context("writing a manifest")?;
    fs::write(scratch.join("src/lib.rs"), "").context("writing an empty library")?;
    let mut cargo = process::command("/usr/bin/cargo");
    cargo
        .current_dir(&scratch)
        .env("RUSTC", RUSTC)
        // Debian's compiler is a stable one; this lets it build its own library.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTFLAGS")
        .env(LIBRARY_FLAGS.0, LIBRARY_FLAGS.1)
        .env_remove("CARGO_TARGET_DIR")
        .args(["build", "--release", "--target", WASM])
        .args(["-Z", "build-std=std,panic_abort,panic_unwind,proc_macro"]);
    process::run_logged("compiling Rust's library for WASM", &mut cargo, &paths.log("wasm-std"))?;
    let made = scratch.join("target").join(WASM).join("release/deps");
    for file in fs::read_dir(&made).context(format_args!("reading {}", made.display()))?.flatten() {
        let name = file.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with("libthrowaway") {
            fs::copy(file.path(), library.join(&name)).context("copying the library")?;
        }
    }
    let _ = fs::remove_dir_all(&scratch);
    Ok(())
}

fn stamp(paths: &Paths) -> PathBuf {
    folder(paths).join("rustc-version")
}

fn recipe() -> Option<String> {
    let version = process::stdout(process::command(RUSTC).arg("-vV"))?;
    Some(format!("{version}\n{}\n{MANIFEST}{}", LIBRARY_FLAGS.1, rustc(Path::new(""))))
}

fn link_to(original: &Path, link: &Path) -> Result {
    symlink(original, link).context(format_args!("linking {}", link.display()))
}

fn script(path: &Path, line: &str) -> Result {
    fs::write(path, format!("#!/bin/sh\n{line}\n")).context(format_args!("writing {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).context("making it executable")
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
