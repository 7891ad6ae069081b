//! The configuration: one TOML file, overridden by `AIWE_…` environment variables, read once at the start.
//!
//! A [`Config`] is complete and valid. Each section validates itself, and all invalid fields are reported together, each by
//! name with what was expected. An unknown key is an error: a misspelt limit would silently have no effect.
//!
//! The variable of a key is `AIWE_` and the key in upper case, with two underscores for each dot: `AIWE_PAGES__LISTEN` is
//! `pages.listen`, `AIWE_PROVIDERS__0__API_KEY` is the first provider's `api_key`. An empty variable counts as absent. Each
//! secret can be given as a file instead, under its key with the suffix `_file`.

mod access;
mod analysis;
mod base_url;
mod listeners;
mod policy;
mod smtp;
mod source;
mod storage;
mod workflows;

use std::path::{Path, PathBuf};

use source::{ConfigReader, Node};

pub use access::{Access, Admin, Limits};
pub use analysis::{Models, ProviderConfig, ProviderKind, Reader, Screenshots};
pub use base_url::BaseUrl;
pub use listeners::{Machines, MachinesTls, Pages, Proxy, TlsFiles};
pub use policy::Policy;
pub use smtp::{Encryption, Smtp, hello_name};
pub use storage::{Database, Location, Log, LogFormat};
pub use workflows::Workflows;

/// Variables with this prefix that belong to the command line.
const COMMAND_LINE_VARIABLES: [&str; 2] = ["AIWE_CONFIG", "AIWE_DATA_DIR"];

/// All settings of the server, validated.
#[derive(Debug, Clone)]
pub struct Config {
    /// The operator's name, for mails and pages.
    pub organisation: String,
    /// The address of the pages listener, as browsers reach it.
    pub public_url: BaseUrl,
    /// The address of the machines listener, as clients with a certificate reach it.
    pub machines_url: BaseUrl,
    pub pages: Pages,
    pub machines: Machines,
    pub proxy: Proxy,
    pub database: Database,
    /// `None`: mails stay in the outbox, and an administrator copies them.
    pub smtp: Option<Smtp>,
    pub access: Access,
    pub admin: Admin,
    pub limits: Limits,
    /// The model servers; the first is the default. Empty: only the built-in reader produces answers.
    pub providers: Vec<ProviderConfig>,
    pub models: Models,
    pub policy: Policy,
    pub reader: Reader,
    pub screenshots: Screenshots,
    pub log: Log,
    pub workflows: Workflows,
}

impl Config {
    /// The port that tells this server's cookies from those of others on the same host, since cookies know no ports: that of
    /// `public_url`. `None`: the usual ones, 443, and 8080 without TLS.
    pub fn cookie_port(&self) -> Option<u16> {
        let usual = if self.public_url.is_https() { 443 } else { 8080 };
        Some(self.public_url.port()).filter(|port| *port != usual)
    }

    /// The origins of this server: those of `public_url` and `machines_url`.
    pub fn origins(&self) -> Vec<String> {
        [&self.public_url, &self.machines_url].map(|url| url.origin().to_owned()).into()
    }

    /// The hosts that send HSTS (RFC 6797): DNS names with TLS, never local names or IP addresses.
    pub fn hsts_hosts(&self) -> Vec<String> {
        let urls = [&self.public_url, &self.machines_url].into_iter();
        urls.filter(|url| url.is_https() && !url.is_local() && !url.is_address()).map(BaseUrl::host).collect()
    }

    /// Reads and validates the file (if there is one) and the variables. Relative paths are resolved against the file's
    /// folder, or the working directory if there is no file.
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
        let mut invalid = Vec::new();
        // Sorted, so that the items of a list arrive in order.
        let mut env: Vec<_> = env.filter(|(_, value)| !value.is_empty()).collect();
        env.sort();
        for (name, value) in env {
            if name == "LEPTOS_SITE_ROOT" {
                site_root = Some(PathBuf::from(&value));
            }
            if COMMAND_LINE_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            if let Some(key) = name.strip_prefix("AIWE_")
                && let Err(expected) = root.set(&key.to_lowercase(), value)
            {
                invalid.push(InvalidField { field: name, expected });
            }
        }
        let base_dir = path.and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        Self::read(ConfigReader::new(root, base_dir, invalid), data_dir, site_root)
    }

    fn read(
        mut reader: ConfigReader,
        data_dir: &Path,
        site_root: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let (public_url, machines_url) = listeners::urls(&mut reader);
        let proxy = listeners::proxy(&mut reader);
        let config = Self {
            organisation: storage::organisation(&mut reader),
            pages: listeners::pages(&mut reader, site_root),
            machines: listeners::machines(&mut reader, &proxy),
            public_url,
            machines_url,
            proxy,
            database: storage::database(&mut reader, data_dir),
            smtp: smtp::smtp(&mut reader),
            access: Access::read(&mut reader),
            admin: Admin::read(&mut reader),
            limits: Limits::read(&mut reader),
            providers: analysis::providers(&mut reader),
            models: reader.section("models"),
            policy: Policy::read(&mut reader),
            reader: Reader::read(&mut reader),
            screenshots: reader.section("screenshots"),
            log: Log::read(&mut reader),
            workflows: Workflows::read(&mut reader),
        };
        let invalid = reader.finish();
        if invalid.is_empty() { Ok(config) } else { Err(ConfigError::Fields(invalid)) }
    }
}

/// An invalid field, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The key with dots, or the name of the variable.
    pub field: String,
    pub expected: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration has wrong fields:{}", field_list(.0))]
    Fields(Vec<InvalidField>),
    #[error("the configuration file {} is not TOML: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("the configuration file {} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
}

fn field_list(invalid: &[InvalidField]) -> String {
    invalid.iter().flat_map(|w| ["\n  ", &w.field, ": ", &w.expected]).collect()
}

#[cfg(test)]
mod tests;
