//! Configuration: one TOML file and `AIWE_…` variables over it, read once at start.
//!
//! What always holds: a [`Config`] is complete and checked, so nothing later has to doubt a field. Each section checks
//! itself and every wrong field is told at once, by name, with what was expected. A key that nobody reads is an
//! error, since a misspelt limit would otherwise silently not be one.
//!
//! A variable's name is `AIWE_` and the key in upper case, with two underscores where the file has a dot:
//! `AIWE_PAGES__LISTEN` is `pages.listen`, `AIWE_PROVIDERS__0__API_KEY` the first provider's `api_key`. An empty
//! variable counts as absent. Every secret can instead be named as a file, under its key and `_file`.

mod access;
mod analysis;
mod base_url;
mod listeners;
mod smtp;
mod source;
mod storage;

use std::path::{Path, PathBuf};

pub use access::{Access, Admin, Limits};
pub use analysis::{ProviderConfig, ProviderKind, Reader, Screenshots};
pub use base_url::BaseUrl;
pub use listeners::{Machines, MachinesTls, Pages, Proxy, TlsFiles};
pub use smtp::{Encryption, Smtp};
pub use storage::{Database, Location, Log, LogFormat};

use source::{Node, Reading};

/// Variables with our prefix that are no configuration: the command line reads them.
const OF_THE_COMMAND_LINE: [&str; 2] = ["AIWE_CONFIG", "AIWE_DATA_DIR"];

/// Everything an operator can set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whose server it is: stands in mails and on pages.
    pub organisation: String,
    /// Where browsers reach the pages.
    pub public_url: BaseUrl,
    /// Where machines with a certificate reach the server.
    pub machines_url: BaseUrl,
    pub pages: Pages,
    pub machines: Machines,
    pub proxy: Proxy,
    pub database: Database,
    /// `None`: mails are kept, and an administrator copies them.
    pub smtp: Option<Smtp>,
    pub access: Access,
    pub admin: Admin,
    pub limits: Limits,
    /// The model servers; the first is the default. Empty: only the built-in reader answers.
    pub providers: Vec<ProviderConfig>,
    pub reader: Reader,
    pub screenshots: Screenshots,
    pub log: Log,
}

impl Config {
    /// The origins of our own pages: those of `public_url` and `machines_url`.
    pub fn origins(&self) -> Vec<String> {
        [&self.public_url, &self.machines_url].map(|url| url.origin().to_owned()).into()
    }

    /// Hosts that get HSTS: real names with TLS, never a local one or an address.
    pub fn hsts_hosts(&self) -> Vec<String> {
        let urls = [&self.public_url, &self.machines_url].into_iter();
        urls.filter(|url| url.is_https() && !url.is_local() && !url.is_address())
            .map(|url| url.host())
            .collect()
    }

    /// Reads and checks the file (if there is one) and the variables. Relative paths in it start at the file's folder,
    /// without a file at the working folder.
    pub fn load(
        path: Option<&Path>,
        data_dir: &Path,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut root = match path {
            None => Node::empty(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
                Node::from_toml(&text)
                    .map_err(|message| ConfigError::Syntax { path: path.to_owned(), message })?
            }
        };
        let mut site_root = None;
        let mut wrong = Vec::new();
        // Sorted, so that a list's items arrive in order whatever the environment's order.
        let mut env: Vec<_> = env.filter(|(_, value)| !value.is_empty()).collect();
        env.sort();
        for (name, value) in env {
            if name == "LEPTOS_SITE_ROOT" {
                site_root = Some(PathBuf::from(&value));
            }
            if OF_THE_COMMAND_LINE.contains(&name.as_str()) {
                continue;
            }
            if let Some(key) = name.strip_prefix("AIWE_")
                && let Err(expected) = root.set(&key.to_lowercase(), value)
            {
                wrong.push(WrongField { field: name, expected });
            }
        }
        let base = path.and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        Self::read(Reading::new(root, base, wrong), data_dir, site_root)
    }

    fn read(mut from: Reading, data_dir: &Path, site_root: Option<PathBuf>) -> Result<Self, ConfigError> {
        let (public_url, machines_url) = listeners::urls(&mut from);
        let proxy = listeners::proxy(&mut from);
        let config = Self {
            organisation: storage::organisation(&mut from),
            pages: listeners::pages(&mut from, site_root),
            machines: listeners::machines(&mut from, &proxy),
            public_url,
            machines_url,
            proxy,
            database: storage::database(&mut from, data_dir),
            smtp: smtp::smtp(&mut from),
            access: Access::read(&mut from),
            admin: Admin::read(&mut from),
            limits: Limits::read(&mut from),
            providers: analysis::providers(&mut from),
            reader: Reader::read(&mut from),
            screenshots: from.section("screenshots"),
            log: Log::read(&mut from),
        };
        match from.finish() {
            wrong if wrong.is_empty() => Ok(config),
            wrong => Err(ConfigError::Fields(wrong)),
        }
    }
}

/// A field that cannot be used, and what was expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// The key with dots, or the variable's name.
    pub field: String,
    pub expected: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration has wrong fields:{}", listed(.0))]
    Fields(Vec<WrongField>),
    #[error("the configuration file {} is not TOML: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("the configuration file {} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
}

fn listed(wrong: &[WrongField]) -> String {
    wrong.iter().map(|w| format!("\n  {}: {}", w.field, w.expected)).collect()
}

#[cfg(test)]
mod tests;
