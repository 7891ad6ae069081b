//! Packages: certificate, chain and key in one file for a machine to import.
//!
//! | for | file | encryption | why |
//! |---|---|---|---|
//! | Windows | `.pfx` | AES-256-CBC, PBKDF2 and MAC with SHA-256 | since Windows 10 1709, Server 2019 |
//! | macOS | `.p12` | 3DES and a SHA-1 MAC | all that every keychain takes; the password must be good |
//! | Linux | `.zip` | as for Windows; the PEM key as PBES2 with AES-256 | OpenSSL 3 and NSS |
//!
//! All three are encrypted with the same password. The caller checks its length; characters that cannot be typed into an
//! import dialog are refused here ([`check_password`]).
//!
//! The server and the module that makes keys in the page build packages with this one crate, so that both are the same. It
//! compiles to WASM: nothing here reads a clock, a file or a socket, or needs ring.

mod key;
mod linux;
mod pkcs12;
mod read;

use protocol::access::Platform;
use time::OffsetDateTime;

pub use key::{KeyPem, PrivateKey, pem};
pub use read::{common_name, parse};

/// A source of random bytes: fills the given slice.
pub type RandomBytes<'a> = dyn FnMut(&mut [u8]) + 'a;

/// What goes into a package.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// DER.
    pub certificate: &'a [u8],
    /// The chain above it: the issuing certificate, then the root. DER.
    pub chain: &'a [Vec<u8>],
    /// Further roots, for the server's own certificate while one authority replaces another. DER.
    pub other_roots: &'a [Vec<u8>],
    pub key: &'a PrivateKey,
    /// The name in the machine's certificate store and of the file.
    pub device_name: &'a str,
}

/// A file to hand out.
#[derive(Clone, PartialEq, Eq)]
pub struct Package {
    /// ASCII, safe in a `Content-Disposition` header and in a shell.
    pub file_name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// Why a package could not be built.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("the chain has no root certificate")]
    Chain,
    #[error("the certificate or its key cannot be read")]
    Contents,
    #[error("the key could not be encrypted")]
    Encryption(#[from] pkcs8::Error),
    #[error("the password has characters that PKCS#12 files cannot carry, such as emoji")]
    Password,
    #[error("the PKCS#12 file could not be written")]
    Pkcs12(#[from] p12_keystore::error::Error),
    #[error("the archive could not be written")]
    Zip(#[from] zip::result::ZipError),
}

/// The package for a platform. `now` dates the files in it.
///
/// # Errors
/// [`PackageError`]; only `Password` can be fixed by the user.
pub fn build(
    platform: Platform,
    contents: &Contents<'_>,
    password: &str,
    now: OffsetDateTime,
    random: &mut RandomBytes<'_>,
) -> Result<Package, PackageError> {
    check_password(password)?;
    let stem = file_stem(contents.device_name);
    let (extension, media_type, bytes) = match platform {
        Platform::Linux => ("zip", "application/zip", linux::write(contents, password, now, random)?),
        Platform::Macos => ("p12", "application/x-pkcs12", pkcs12::LEGACY.write(contents, password)?),
        Platform::Windows => ("pfx", "application/x-pkcs12", pkcs12::MODERN.write(contents, password)?),
    };
    Ok(Package { file_name: format!("{stem}.{extension}"), media_type, bytes })
}

/// Whether the password can be typed in again wherever the package is imported: a PKCS#12 password is a `BMPString`
/// (RFC 7292 appendix B.1), and one line in every dialog.
///
/// # Errors
/// [`PackageError::Password`].
pub fn check_password(password: &str) -> Result<(), PackageError> {
    if password.is_empty() || password.chars().any(|c| u32::from(c) > 0xffff || c.is_control()) {
        return Err(PackageError::Password);
    }
    Ok(())
}

impl std::fmt::Debug for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package").field("file_name", &self.file_name).finish_non_exhaustive()
    }
}

/// `Anna’s laptop` → `certificate-anna-s-laptop`.
fn file_stem(device_name: &str) -> String {
    let words = device_name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase);
    std::iter::once("certificate".to_owned()).chain(words).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn file_names_are_plain_ascii_whatever_the_machine_is_called() {
        assert_eq!(file_stem("Anna’s laptop"), "certificate-anna-s-laptop");
        assert_eq!(file_stem("../../etc/passwd\r\nX: 1"), "certificate-etc-passwd-x-1");
        assert_eq!(file_stem("电脑"), "certificate");
    }
}
