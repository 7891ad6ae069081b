//! Packages for SQL, TLS, mail and serving never get into the modules that browsers load.

use std::process::Stdio;

use crate::error::{Context, Result};
use crate::setup::WASM;
use crate::test::Toolbox;
use crate::test::runner::Counts;

const MODULES: &[&str] = &["browser", "keys"];

/// Each stands for its family ([`super::is_of_family`]).
const FORBIDDEN: &[&str] = &[
    "age",
    "aws-lc",
    "axum",
    "hyper",
    "lettre",
    "libsqlite3-sys",
    "native-tls",
    "openssl",
    "postgres",
    "rcgen",
    "reqwest",
    "ring",
    "rusqlite",
    "rustls",
    "server",
    "shim",
    "sqlx",
    "tokio",
    "tower",
];

pub fn check(toolbox: &Toolbox) -> Result<Counts> {
    MODULES.iter().map(|module| one(toolbox, module)).sum()
}

fn one(toolbox: &Toolbox, module: &str) -> Result<Counts> {
    println!("-- cargo tree: what {module} is made of as WASM");
    let mut tree = toolbox.tools.cargo();
    tree.args(["tree", "--package", module, "--all-features", "--target", WASM]);
    tree.args(["--edges", "normal", "--prefix", "none"]);
    let output = tree.stderr(Stdio::inherit()).output().context("starting cargo tree")?;
    let tree = String::from_utf8_lossy(&output.stdout);
    // An empty answer would forbid nothing.
    let read = output.status.success() && names(&tree).next() == Some(module);
    if !read {
        println!("error: cargo tree does not say what {module} is made of ({})", output.status);
    }
    let found = forbidden(&tree);
    for name in &found {
        println!("error: {name} is in the WASM of {module}; `cargo tree --invert {name}` shows through what");
    }
    Ok(Counts::from_passed(read && found.is_empty()))
}

/// The packages in what `cargo tree --prefix none` prints, some of them more than once.
fn names(tree: &str) -> impl Iterator<Item = &str> {
    tree.lines().filter_map(|line| line.split_whitespace().next())
}

fn forbidden(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> =
        names(tree).filter(|name| FORBIDDEN.iter().any(|family| super::is_of_family(name, family))).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forbidden_is_found_with_its_family_and_look_alikes_are_not() {
        let tree = "browser v0.1.0 (/work/app/browser)\nleptos v0.8.23\nserver_fn v0.8.14\nstring_ring v1.0.0\n\
                    serde v1.0.228\nsqlx-core v0.8.6\nlettre v0.11.23\nring v0.17.14\nlettre v0.11.23 (*)\n\n";
        assert_eq!(forbidden(tree), ["lettre", "ring", "sqlx-core"]);
        assert_eq!(names(tree).next(), Some("browser"));
    }

    #[test]
    fn what_is_in_the_modules_for_good_reasons_is_not_forbidden() {
        let tree = "keys v0.1.0\np12-keystore v0.3.1\nx509-parser v0.18.1\np256 v0.14.0\nhttp v1.4.0\nleptos_server v0.8.7";
        assert!(forbidden(tree).is_empty());
    }
}
