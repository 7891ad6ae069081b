//! The operator's name, the database and the log.

use std::path::{Path, PathBuf};

use domain::secret::Secret;
use serde::Deserialize;

use super::source::ConfigReader;

/// The database.
#[derive(Debug, Clone)]
pub struct Database {
    pub location: Location,
    pub max_connections: u32,
    /// The key for encryption at rest, 64 hexadecimal digits. `None`: the file `data.key` in the data folder.
    pub data_key: Option<Secret>,
}

#[derive(Debug, Clone)]
pub enum Location {
    /// The complete `postgres://…` URL, which may contain a password.
    Postgres(Secret),
    Sqlite(PathBuf),
}

/// The log on standard error.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    /// A level, or directives such as `info,server=debug`.
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Json,
    #[default]
    Text,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

impl Log {
    pub(super) fn read(reader: &mut ConfigReader) -> Self {
        let log: Self = reader.section("log");
        reader.ensure(
            tracing_subscriber::EnvFilter::try_new(&log.level).is_ok(),
            "log.level",
            "expected error, warn, info, debug, trace, or directives such as info,server=debug",
        );
        log
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OrganisationSection {
    name: String,
}

impl Default for OrganisationSection {
    fn default() -> Self {
        Self { name: "AI Workflow Engine".to_owned() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DatabaseSection {
    url: Option<String>,
    url_file: Option<PathBuf>,
    max_connections: u32,
    data_key: Option<String>,
    data_key_file: Option<PathBuf>,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self { url: None, url_file: None, max_connections: 10, data_key: None, data_key_file: None }
    }
}

pub(super) fn organisation(reader: &mut ConfigReader) -> String {
    let OrganisationSection { name } = reader.section("organisation");
    // It becomes part of mail subjects and of the names in certificates.
    let valid = (1..=64).contains(&name.trim().chars().count()) && !name.chars().any(char::is_control);
    reader.ensure(valid, "organisation.name", "expected 1 to 64 characters on one line");
    name.trim().to_owned()
}

pub(super) fn database(reader: &mut ConfigReader, data_dir: &Path) -> Database {
    let section: DatabaseSection = reader.section("database");
    reader.ensure(
        (1..=1_000).contains(&section.max_connections),
        "database.max_connections",
        "expected a number from 1 to 1,000",
    );
    let default = data_dir.join("aiwe.db");
    let location = match reader.secret("database.url", section.url, section.url_file.as_deref()) {
        None => Location::Sqlite(default),
        Some(url) if url.expose().starts_with("postgres://") || url.expose().starts_with("postgresql://") => {
            Location::Postgres(url)
        }
        Some(url) => match url.expose().strip_prefix("sqlite:").map(|path| path.trim_start_matches("//")) {
            // `sqlite:/srv/aiwe.db` and `sqlite:///srv/aiwe.db` are absolute.
            Some(path) if !path.is_empty() => {
                let absolute = url.expose().starts_with("sqlite:/") && !url.expose().starts_with("sqlite://")
                    || url.expose().starts_with("sqlite:///");
                let path = path.trim_start_matches('/');
                Location::Sqlite(if absolute {
                    Path::new("/").join(path)
                } else {
                    reader.path(Path::new(path))
                })
            }
            _ => {
                reader.invalid(
                    "database.url",
                    "expected postgres://user:password@host/database or sqlite:file",
                );
                Location::Sqlite(default)
            }
        },
    };
    let data_key = reader.secret("database.data_key", section.data_key, section.data_key_file.as_deref());
    let valid = data_key.as_ref().is_none_or(|key| crate::vault::Vault::parse(key.expose()).is_some());
    reader.ensure(valid, "database.data_key", "expected 64 hexadecimal digits");
    Database { location, max_connections: section.max_connections, data_key }
}
