//! A machine's key, made where it is used: the key, the certificate request (PKCS#10), and the package of key and
//! certificate. The download page loads it as a WASM module; the desktop program makes its keys with it too.
//!
//! Always holds:
//! - Only the request and the package, encrypted with the visitor's password, leave the page's module. Nothing is logged.
//! - The key is zeroized when it is dropped. In the page, so is all memory that is freed ([`module`](self)): the PKCS#12
//!   library makes copies that it does not zeroize.
//! - Random bytes and the time are parameters, except the salts inside a PKCS#12 file: the library takes them from the
//!   browser's generator.

#[cfg(target_arch = "wasm32")]
mod module;

use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use package::{Contents, Package, PackageError, PrivateKey, RandomBytes, common_name, parse, pem};
use protocol::access::Platform;
use time::OffsetDateTime;
use x509_cert::der::asn1::{BitString, SetOfVec};
use x509_cert::der::pem::decode_vec;
use x509_cert::der::{Encode, Error as DerError};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{DynSignatureAlgorithmIdentifier, SubjectPublicKeyInfoOwned};
use x509_parser::certificate::X509Certificate;
use zeroize::{Zeroize, Zeroizing};

/// A random number is not a valid P-256 key with a probability of 2⁻³², so this many in a row mean a broken generator.
const MAX_ATTEMPTS: usize = 8;

/// Why there is no key or no package.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the server's answer holds no certificate for the key of this page")]
    Answer,
    #[error("the certificate's authority is not among those that the server names")]
    Authority,
    #[error("the key or the request could not be written")]
    Encoding,
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("this browser gives no random numbers")]
    Random,
}

/// What the server returned for the request.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The machine's certificate, then its issuers; PEM. A root among them is ignored.
    pub certificates: &'a str,
    /// The authorities' root certificates, PEM.
    pub roots: &'a str,
}

/// A machine's certificate and its issuers up to the root. DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub certificate: Vec<u8>,
    pub above: Vec<Vec<u8>>,
}

/// A key and the request for its certificate.
#[derive(Debug)]
pub struct MachineKey {
    key: PrivateKey,
    /// `SubjectPublicKeyInfo`, DER.
    public: Vec<u8>,
    request: String,
}

impl MachineKey {
    /// A new P-256 key.
    ///
    /// # Errors
    /// [`KeyError::Random`], [`KeyError::Encoding`].
    pub fn generate(random: &mut RandomBytes<'_>) -> Result<Self, KeyError> {
        Self::of(&secret(random)?)
    }

    /// An existing key. Its request is the same as before.
    ///
    /// # Errors
    /// [`KeyError::Encoding`]: not a P-256 key in PKCS#8.
    pub fn from_key(key: &PrivateKey) -> Result<Self, KeyError> {
        Self::of(&SecretKey::from_pkcs8_der(key.der()).map_err(|_| KeyError::Encoding)?)
    }

    fn of(secret: &SecretKey) -> Result<Self, KeyError> {
        let der = secret.to_pkcs8_der().map_err(|_| KeyError::Encoding)?;
        let key = PrivateKey::from_der(Zeroizing::new(der.as_bytes().to_vec()));
        let (public, request) = request(&SigningKey::from(secret)).map_err(|_| KeyError::Encoding)?;
        Ok(Self { key, public, request })
    }

    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// `SubjectPublicKeyInfo`, DER.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The request, PEM. Always the same: the server returns the same certificate only for the same text.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// The chain from the answer, in order.
    ///
    /// # Errors
    /// [`KeyError::Answer`], [`KeyError::Authority`].
    pub fn chain(&self, answer: Answer<'_>) -> Result<Chain, KeyError> {
        let mut given = certificates(answer.certificates)?.into_iter();
        let certificate = given.next().ok_or(KeyError::Answer)?;
        let leaf = parse(&certificate).ok_or(KeyError::Answer)?;
        // With another key's certificate, the package could be imported, but no server would accept it.
        if leaf.public_key().raw != self.public {
            return Err(KeyError::Answer);
        }
        let mut above: Vec<_> = given.filter(|der| parse(der).is_none_or(|above| !is_root(&above))).collect();
        let top = above.last().and_then(|der| parse(der)).ok_or(KeyError::Answer)?;
        let root = root_of(&top, certificates(answer.roots)?).ok_or(KeyError::Authority)?;
        above.push(root);
        Ok(Chain { certificate, above })
    }

    /// The package for a platform, named after the machine in the certificate. `now` is the timestamp of the files in it.
    ///
    /// # Errors
    /// [`KeyError`]. Can be called again, also with another password or platform.
    pub fn package(
        &self,
        platform: Platform,
        answer: Answer<'_>,
        password: &str,
        now: OffsetDateTime,
        random: &mut RandomBytes<'_>,
    ) -> Result<Package, KeyError> {
        let Chain { certificate, above: chain } = self.chain(answer)?;
        let device_name = parse(&certificate).and_then(|leaf| common_name(&leaf)).unwrap_or_default();
        let roots = certificates(answer.roots)?.into_iter();
        let other_roots: Vec<_> = roots.filter(|root| Some(root) != chain.last()).collect();
        let contents = Contents {
            certificate: &certificate,
            chain: &chain,
            other_roots: &other_roots,
            key: &self.key,
            device_name: &device_name,
        };
        Ok(package::build(platform, &contents, password, now, random)?)
    }
}

fn secret(random: &mut RandomBytes<'_>) -> Result<SecretKey, KeyError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    for _ in 0..MAX_ATTEMPTS {
        bytes.zeroize();
        random(&mut *bytes);
        if let Ok(secret) = SecretKey::from_slice(&*bytes) {
            return Ok(secret);
        }
    }
    Err(KeyError::Random)
}

/// The public key (DER) and its certificate request (PEM). The subject is empty: the server knows whom the certificate is
/// for, and uses nothing but the key.
fn request(key: &SigningKey) -> Result<(Vec<u8>, String), DerError> {
    let public_key = SubjectPublicKeyInfoOwned::from_key(key.verifying_key()).map_err(to_der)?;
    let public = public_key.to_der()?;
    let attributes = SetOfVec::default();
    let info = CertReqInfo { version: Version::V1, subject: Name::default(), public_key, attributes };
    // Deterministic (RFC 6979): a signature with bad randomness would reveal the key.
    let signature: DerSignature = key.sign(&info.to_der()?);
    let request = CertReq {
        info,
        algorithm: key.signature_algorithm_identifier().map_err(to_der)?,
        signature: BitString::from_bytes(signature.as_bytes())?,
    };
    Ok((public, pem("CERTIFICATE REQUEST", &request.to_der()?).to_string()))
}

fn to_der(_: x509_cert::spki::Error) -> DerError {
    x509_cert::der::ErrorKind::Failed.into()
}

/// The DER of each certificate in a PEM text that contains nothing else.
fn certificates(text: &str) -> Result<Vec<Vec<u8>>, KeyError> {
    text.split_inclusive("-----END CERTIFICATE-----")
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .map(|one| match decode_vec(one.as_bytes()) {
            Ok(("CERTIFICATE", der)) => Ok(der),
            _ => Err(KeyError::Answer),
        })
        .collect()
}

/// The root that `certificate` names as its issuer. Each root has a unique name.
fn root_of(certificate: &X509Certificate<'_>, roots: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    let issuer = certificate.issuer().as_raw();
    roots.into_iter().find(|der| parse(der).is_some_and(|root| root.subject().as_raw() == issuer))
}

fn is_root(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}
