//! The configuration from command line and environment: read once, checked field by field, then dropped.
//!
//! Every field comes from the command line or from its `AIWE_…` variable; the password of the identity never
//! from the command line, where other programs could read it. An error names the field and what was expected
//! of it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use protocol::Secret;
use tauri::Url;

use crate::identity::{Identity, IdentityError};
use crate::trust::Trust;

/// The variable that may hold the password itself; `AIWE_IDENTITY_PASSWORD_FILE` names a file that does.
pub const PASSWORD_VARIABLE: &str = "AIWE_IDENTITY_PASSWORD";

/// What the command line says of the connection.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    #[arg(
        long,
        env = "AIWE_SERVER",
        value_name = "URL",
        help = "The server's machines listener, such as https://localhost:8443"
    )]
    pub server: Option<String>,
    /// The certificate of the authority that the server's certificate comes from (PEM)
    #[arg(long, env = "AIWE_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// This machine's certificate and key (.p12 or .pfx)
    #[arg(long, env = "AIWE_IDENTITY", value_name = "FILE")]
    pub identity: Option<PathBuf>,
    #[arg(
        long,
        env = "AIWE_IDENTITY_PASSWORD_FILE",
        value_name = "FILE",
        help = "A file with the password of the identity; or put the password into AIWE_IDENTITY_PASSWORD"
    )]
    pub password_file: Option<PathBuf>,
}

impl Arguments {
    /// Whether the command line or the environment says anything of the connection. Then all of it comes from there.
    pub fn are_given(&self) -> bool {
        self.server.is_some() || self.ca.is_some() || self.identity.is_some() || self.password_file.is_some()
    }
}

/// Everything that a connection needs.
#[derive(Debug)]
pub struct Configuration {
    pub server: Server,
    pub trust: Trust,
    pub identity: Identity,
}

/// Which field is wrong, and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct ConfigurationError {
    pub field: &'static str,
    pub expected: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Configuration {
    /// `variable` looks up an environment variable.
    pub fn read(
        arguments: &Arguments,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigurationError> {
        let server = required(
            arguments.server.as_ref(),
            "--server",
            "the server's address, such as https://localhost:8443",
        )?
        .parse()
        .map_err(|error| wrong("--server", format!("{error}"), None))?;
        let ca = required(
            arguments.ca.as_ref(),
            "--ca",
            "a PEM file with the server's CA certificate (its /ca.pem)",
        )?;
        let identity =
            required(arguments.identity.as_ref(), "--identity", "this machine's .p12 or .pfx file")?;
        let password = match &arguments.password_file {
            Some(file) => first_line(&text(file, "--password-file")?),
            None => variable(PASSWORD_VARIABLE).map(Secret::new).ok_or_else(|| {
                let expected = format!(
                    "expected a file with the identity's password, or the password in {PASSWORD_VARIABLE}"
                );
                wrong("--password-file", expected, None)
            })?,
        };
        let trust = Trust::in_authorities(&bytes(ca, "--ca")?).map_err(|error| {
            let expected =
                format!("expected a PEM file with at least one certificate; {} has none", ca.display());
            wrong("--ca", expected, Some(Box::new(error)))
        })?;
        let identity = Identity::read(&bytes(identity, "--identity")?, &password).map_err(|error| {
            let field =
                if matches!(error, IdentityError::Password) { "--password-file" } else { "--identity" };
            wrong(field, error.to_string(), Some(Box::new(error)))
        })?;
        Ok(Self { server, trust, identity })
    }
}

/// The one server that this program talks to: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server(Url);

#[derive(Debug, thiserror::Error)]
#[error("expected an address like https://localhost:8443, without a path, a user or a query")]
pub struct NotAServer;

impl FromStr for Server {
    type Err = NotAServer;

    fn from_str(text: &str) -> Result<Self, NotAServer> {
        let url = Url::parse(text.trim()).map_err(|_| NotAServer)?;
        let bare = url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if bare { Ok(Self(url)) } else { Err(NotAServer) }
    }
}

impl Server {
    /// As in the `Origin` header.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host alone, as the network knows it.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub fn is_origin_of(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// The address of a path on this server. Whatever the path is, the address stays on this server.
    pub fn at(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url.set_query(query);
        url
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.origin())
    }
}

fn required<'a, T>(
    value: Option<&'a T>,
    field: &'static str,
    expected: &str,
) -> Result<&'a T, ConfigurationError> {
    value.ok_or_else(|| wrong(field, format!("expected {expected}"), None))
}

fn bytes(file: &Path, field: &'static str) -> Result<Vec<u8>, ConfigurationError> {
    std::fs::read(file).map_err(|error| {
        wrong(field, format!("cannot read {}: {error}", file.display()), Some(Box::new(error)))
    })
}

fn text(file: &Path, field: &'static str) -> Result<zeroize::Zeroizing<String>, ConfigurationError> {
    String::from_utf8(bytes(file, field)?)
        .map(zeroize::Zeroizing::new)
        .map_err(|_| wrong(field, format!("expected text in {}", file.display()), None))
}

/// An editor ends a file with a line break, which is not part of the password.
fn first_line(text: &str) -> Secret {
    Secret::new(text.lines().next().unwrap_or_default())
}

fn wrong(
    field: &'static str,
    expected: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
) -> ConfigurationError {
    ConfigurationError { field, expected, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server::Authority;

    fn arguments(folder: &Path) -> Arguments {
        Arguments {
            server: Some("https://localhost:8443".into()),
            ca: Some(folder.join("ca.crt")),
            identity: Some(folder.join("machine.p12")),
            password_file: Some(folder.join("password")),
        }
    }

    fn field_of(arguments: &Arguments) -> &'static str {
        Configuration::read(arguments, |_| None).unwrap_err().field
    }

    #[test]
    fn a_whole_configuration_is_read_from_files() {
        let folder = Authority::new().package();
        let configuration = Configuration::read(&arguments(folder.path()), |_| None).unwrap();
        assert_eq!(configuration.server.origin(), "https://localhost:8443");
        assert!(matches!(configuration.trust, Trust::Authorities(roots) if roots.len() == 1));
    }

    #[test]
    fn the_password_may_come_from_the_environment() {
        let folder = Authority::new().package();
        let arguments = Arguments { password_file: None, ..arguments(folder.path()) };
        let password =
            |name: &str| (name == PASSWORD_VARIABLE).then(|| crate::test_server::PASSWORD.to_owned());
        Configuration::read(&arguments, password).unwrap();
        assert_eq!(field_of(&arguments), "--password-file");
    }

    #[test]
    fn each_error_names_its_field() {
        let folder = Authority::new().package();
        let whole = arguments(folder.path());
        assert_eq!(field_of(&Arguments { server: None, ..whole.clone() }), "--server");
        assert_eq!(
            field_of(&Arguments { server: Some("http://localhost".into()), ..whole.clone() }),
            "--server"
        );
        assert_eq!(field_of(&Arguments { ca: Some("/nowhere".into()), ..whole.clone() }), "--ca");
        assert_eq!(
            field_of(&Arguments { ca: Some(folder.path().join("password")), ..whole.clone() }),
            "--ca"
        );
        assert_eq!(
            field_of(&Arguments { identity: Some(folder.path().join("ca.crt")), ..whole.clone() }),
            "--identity"
        );
        assert_eq!(
            field_of(&Arguments { password_file: Some(folder.path().join("ca.crt")), ..whole }),
            "--password-file"
        );
    }

    #[test]
    fn a_path_cannot_lead_away_from_the_server() {
        let server: Server = "https://localhost:8443".parse().unwrap();
        for path in [
            "//evil.example/x",
            "/../..//evil.example",
            "https://evil.example/",
            "@evil.example",
            "/\\evil.example",
        ] {
            assert!(server.is_origin_of(&server.at(path, Some("a=//evil.example"))), "{path}");
        }
        for bad in [
            "https://u@localhost",
            "https://localhost/x",
            "https://localhost/?q",
            "localhost:8443",
            "https://",
        ] {
            assert!(bad.parse::<Server>().is_err(), "{bad}");
        }
    }
}
