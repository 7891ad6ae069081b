//! Debian's packages (Ubuntu's have the same names): found by dpkg, installed by apt as root or through sudo.

use std::process::Command;
use std::time::Instant;

use super::Purpose;
use crate::error::{Error, Result};
use crate::paths::Paths;
use crate::process;

/// A compiler for the few C parts (SQLite, ring), and the reader's OCR.
const RUN: &[&str] = &[
    "build-essential",
    "ca-certificates",
    "pkg-config",
    "python3-venv",
    "tesseract-ocr",
    "tesseract-ocr-eng",
];

/// What the desktop window is compiled against: WebKitGTK, tray, capture.
const DESKTOP: &[&str] = &[
    "libayatana-appindicator3-dev",
    "libclang-dev",
    "libegl-dev",
    "libgbm-dev",
    "libpipewire-0.3-dev",
    "librsvg2-dev",
    "libwayland-dev",
    "libwebkit2gtk-4.1-dev",
    "libxcb1-dev",
    "libxdo-dev",
    "libxrandr-dev",
];

/// A screen without a monitor, a program to show on it, and what drives a webview there.
const SCREEN: &[&str] = &["dbus", "fonts-dejavu-core", "webkit2gtk-driver", "xterm", "xvfb"];

/// A browser, and what drives it over WebDriver.
const BROWSER: &[&str] = &["chromium", "chromium-driver"];

/// Browser, programs to show on a screen, tools that read certificates, a key store, PostgreSQL.
const TEST: &[&str] = &[
    "at-spi2-core",
    "chromium",
    "curl",
    "dbus-x11",
    "gnome-keyring",
    "imagemagick",
    "jq",
    "libnss3-tools",
    "mousepad",
    "openbox",
    "openssl",
    "postgresql",
    "unzip",
    "vim-tiny",
    "x11-utils",
    "xclip",
    "xdotool",
];

pub fn wanted(purpose: Purpose) -> Vec<&'static str> {
    let more: &[&[&str]] = match purpose {
        Purpose::Bench => &[DESKTOP, SCREEN, BROWSER],
        Purpose::Desktop => &[DESKTOP],
        Purpose::Run => &[],
        Purpose::Test => &[DESKTOP, SCREEN, TEST],
    };
    RUN.iter().chain(more.iter().copied().flatten()).copied().collect()
}

/// Installs what is missing among `packages`.
pub fn install(paths: &Paths, packages: &[&str]) -> Result {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    println!("  installing Debian packages: {names}");
    if !process::on_path("apt-get") {
        return Err(Error::new(format!(
            "apt-get is not there; install by hand what these packages hold: {names}"
        )));
    }
    let start = Instant::now();
    // Old lists are the usual reason for a failing download, and new ones cost a few seconds.
    process::run_logged(
        "reading the package lists",
        as_root(&names)?.args(["apt-get", "update"]),
        &paths.log("apt-update"),
    )?;
    let mut install = as_root(&names)?;
    install.args(["apt-get", "install", "--yes", "--no-install-recommends"]).args(&missing);
    process::run_logged("installing packages", &mut install, &paths.log("apt-install"))?;
    println!("    done in {} s", start.elapsed().as_secs());
    Ok(())
}

fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    // dpkg-query fails when it does not know one of the names, and still prints what it knows of the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\\n"])
        .args(packages)
        .output()
        .map_err(|_| {
            Error::new(format!(
                "this machine has no dpkg; set-up knows Debian and Ubuntu. Needed are: {}",
                packages.join(" ")
            ))
        })?;
    Ok(not_installed(packages, &String::from_utf8_lossy(&output.stdout)))
}

fn not_installed<'a>(packages: &[&'a str], output: &str) -> Vec<&'a str> {
    let installed = |name: &str| output.lines().any(|line| line.strip_suffix(" installed") == Some(name));
    packages.iter().copied().filter(|name| !installed(name)).collect()
}

fn as_root(names: &str) -> Result<Command> {
    let mut command = if process::is_root() {
        process::command("env")
    } else if process::on_path("sudo") {
        let mut sudo = process::command("sudo");
        sudo.arg("env");
        sudo
    } else {
        return Err(Error::new(format!(
            "this needs root or sudo. As root: apt-get install --no-install-recommends {names}"
        )));
    };
    command.arg("DEBIAN_FRONTEND=noninteractive");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_only_when_it_is_installed_under_exactly_that_name() {
        let output = "curl installed\ncurl-doc not-installed\nxvfb config-files\n";
        assert_eq!(
            not_installed(&["curl", "curl-doc", "xvfb", "xterm"], output),
            ["curl-doc", "xvfb", "xterm"]
        );
    }

    #[test]
    fn serving_needs_no_browser_and_no_desktop() {
        let wanted = wanted(Purpose::Run);
        assert!(!wanted.contains(&"chromium") && !wanted.contains(&"libwebkit2gtk-4.1-dev"));
    }
}
