//! Which packages of the workspace may depend on which, and what never gets into some of them. Tests may depend on more.

use std::fs;
use std::path::PathBuf;

use crate::error::{Context, Error, Result};
use crate::paths::Paths;
use crate::process;
use crate::test::Toolbox;
use crate::test::runner::Counts;

struct Layer {
    package: &'static str,
    /// Packages of the workspace that it may depend on.
    on: &'static [&'static str],
    /// Families of packages that it never contains: `tauri` stands for `tauri-runtime` as well.
    never: &'static [&'static str],
}

/// From the bottom up. `domain`, `protocol` and `package` are also in what browsers load (see `wasm.rs`).
const LAYERS: &[Layer] = &[
    Layer { package: "domain", on: &[], never: &["axum", "leptos", "reqwest", "rustls", "sqlx", "tokio"] },
    Layer { package: "workflow", on: &[], never: &["axum", "leptos", "reqwest", "sqlx"] },
    Layer {
        package: "protocol",
        on: &["domain"],
        never: &["axum", "leptos", "reqwest", "rustls", "sqlx", "tokio"],
    },
    Layer { package: "package", on: &["domain", "protocol"], never: &["axum", "leptos", "rustls", "sqlx"] },
    Layer {
        package: "keys",
        on: &["domain", "package", "protocol"],
        never: &["axum", "leptos", "rustls", "sqlx"],
    },
    Layer {
        package: "certificate",
        on: &["domain", "package", "protocol"],
        never: &["axum", "leptos", "sqlx"],
    },
    Layer {
        package: "analysis",
        on: &["domain", "protocol", "workflow"],
        never: &["axum", "leptos", "sqlx"],
    },
    Layer { package: "store", on: &["domain", "workflow"], never: &["axum", "leptos", "lettre", "reqwest"] },
    Layer { package: "web", on: &["domain", "protocol"], never: &["leptos", "lettre", "sqlx"] },
    Layer { package: "app", on: &["domain", "protocol"], never: &["lettre", "reqwest", "rustls", "sqlx"] },
    Layer { package: "browser", on: &["app"], never: &[] },
    Layer {
        package: "server",
        on: &["analysis", "app", "certificate", "domain", "package", "protocol", "store", "web", "workflow"],
        never: &["tauri"],
    },
    Layer {
        package: "desktop",
        on: &["domain", "protocol"],
        never: &["axum", "reqwest", "sqlx", "tauri", "tao", "wry"],
    },
    Layer {
        package: "shim",
        on: &["desktop", "domain", "keys", "package", "protocol"],
        never: &["axum", "leptos", "sqlx"],
    },
    Layer {
        package: "bench",
        on: &["analysis", "desktop", "domain", "protocol", "store", "workflow"],
        never: &["tauri"],
    },
    Layer { package: "xtask", on: &[], never: &[] },
];

pub fn check(toolbox: &Toolbox) -> Result<Counts> {
    println!("-- dependencies between the workspace's packages");
    let mut found = Vec::new();
    for (name, _) in packages(toolbox.paths)? {
        let mut cargo = toolbox.tools.cargo();
        cargo.args(["tree", "--package", &name, "--all-features", "--target", "all"]);
        cargo.args(["--edges", "normal,build", "--prefix", "depth"]);
        let tree = process::stdout(&mut cargo);
        let tree = tree.ok_or_else(|| Error::new(format!("`cargo tree --package {name}` failed")))?;
        found.extend(violations(LAYERS, &name, &tree));
    }
    for line in &found {
        println!("error: {line}");
    }
    Ok(Counts::from_passed(found.is_empty()))
}

/// The names and folders of the workspace's packages.
pub fn packages(paths: &Paths) -> Result<Vec<(String, PathBuf)>> {
    let manifest = fs::read_to_string(paths.root.join("Cargo.toml")).context("reading Cargo.toml")?;
    let members =
        members(&manifest).ok_or_else(|| Error::new("Cargo.toml names no members of the workspace"))?;
    let named = |member: &str| {
        let folder = paths.root.join(member);
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))
            .context(format_args!("reading {member}/Cargo.toml"))?;
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let name = name.ok_or_else(|| Error::new(format!("{member}/Cargo.toml has no name")))?;
        Ok((name.to_owned(), folder))
    };
    members.into_iter().map(named).collect()
}

fn members(manifest: &str) -> Option<Vec<&str>> {
    let list = manifest.split_once("\nmembers = [")?.1.split_once(']')?.0;
    Some(list.split('"').skip(1).step_by(2).collect())
}

/// What the table does not allow in what `cargo tree --prefix depth` prints about `package`. Packages of the workspace
/// are those with a path.
fn violations(layers: &[Layer], package: &str, tree: &str) -> Vec<String> {
    let Some(layer) = layers.iter().find(|layer| layer.package == package) else {
        return vec![format!(
            "`{package}` is missing from the table of layers (xtask/src/test/lint/layers.rs)"
        )];
    };
    let mut found = Vec::new();
    for line in tree.lines() {
        let depth = line.chars().take_while(char::is_ascii_digit).count();
        let (depth, dependency) = line.split_at(depth);
        let name = dependency.split(' ').next().unwrap_or_default();
        let in_workspace = dependency.contains(" (/");
        if depth == "1" && in_workspace && !layer.on.contains(&name) {
            let allowed = if layer.on.is_empty() { "none".to_owned() } else { layer.on.join(", ") };
            found.push(format!(
                "`{package}` depends on `{name}`; of the workspace it may depend on: {allowed}"
            ));
        }
        if depth != "0" && layer.never.iter().any(|family| super::is_of_family(name, family)) {
            found.push(format!(
                "`{package}` contains `{name}`; `cargo tree -p {package} -i {name}` shows through what"
            ));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0store v0.1.0 (/clone/crates/store)\n1domain v0.1.0 (/clone/crates/domain)\n\
                        2serde v1.0.228\n1sqlx v0.8.6\n2sqlx-core v0.8.6\n";

    #[test]
    fn an_upward_dependency_is_found_by_name() {
        assert_eq!(violations(LAYERS, "store", TREE), Vec::<String>::new());
        let planted = format!(
            "{TREE}1protocol v0.1.0 (/clone/crates/protocol)\n2domain v0.1.0 (/clone/crates/domain) (*)\n"
        );
        assert_eq!(
            violations(LAYERS, "store", &planted),
            ["`store` depends on `protocol`; of the workspace it may depend on: domain, workflow"]
        );
        let planted =
            "0domain v0.1.0 (/clone/crates/domain)\n1store v0.1.0 (/clone/crates/store)\n2sqlx-core v0.8.6\n";
        assert_eq!(
            violations(LAYERS, "domain", planted),
            [
                "`domain` contains `sqlx-core`; `cargo tree -p domain -i sqlx-core` shows through what",
                "`domain` depends on `store`; of the workspace it may depend on: none",
            ]
        );
    }

    #[test]
    fn a_package_that_the_table_does_not_know_is_found() {
        let found = violations(LAYERS, "helpers", "0helpers v0.1.0 (/clone/helpers)\n");
        assert_eq!(found, ["`helpers` is missing from the table of layers (xtask/src/test/lint/layers.rs)"]);
    }

    #[test]
    fn the_table_itself_runs_one_way() {
        for (at, layer) in LAYERS.iter().enumerate() {
            for on in layer.on {
                assert!(LAYERS[..at].iter().any(|below| below.package == *on), "{} on {on}", layer.package);
            }
        }
    }

    #[test]
    fn members_are_read_from_the_manifest() {
        assert_eq!(
            members("[workspace]\nmembers = [\"app\",\n  \"crates/a\"]\n"),
            Some(vec!["app", "crates/a"])
        );
        assert_eq!(members("[package]"), None);
    }
}
