//! The archive's form: tar, on request locked with a passphrase by age (scrypt and ChaCha20-Poly1305).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::stream::{StreamReader, StreamWriter};
use age::{Decryptor, Encryptor, scrypt};
use sha2::{Digest, Sha256};

use super::Entry;
use domain::secret::Secret;

/// What a locked archive begins with.
const LOCKED: &[u8] = b"age-encryption.org/";
/// scrypt's work: 2^17 rounds of 1 KiB, so 128 MiB for as long as it takes.
const WORK_FACTOR: u8 = 17;
/// More is not worked through: a forged archive could otherwise ask for any amount of memory.
const MOST_WORK: u8 = 20;

/// An archive that is being written.
pub enum Sink {
    Plain(File),
    Locked(StreamWriter<File>),
}

impl Sink {
    pub fn new(file: File, passphrase: Option<&Secret>) -> io::Result<Self> {
        let Some(passphrase) = passphrase else { return Ok(Self::Plain(file)) };
        let mut recipient = scrypt::Recipient::new(secret(passphrase));
        recipient.set_work_factor(WORK_FACTOR);
        let recipient: &dyn age::Recipient = &recipient;
        let encryptor = Encryptor::with_recipients(std::iter::once(recipient)).map_err(io::Error::other)?;
        Ok(Self::Locked(encryptor.wrap_output(file)?))
    }

    /// Writes the end; the file is on the disk when this returns.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.sync_all(),
            Self::Locked(stream) => stream.finish()?.sync_all(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Locked(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Locked(stream) => stream.flush(),
        }
    }
}

/// An archive that is being read.
pub enum Source {
    Plain(BufReader<File>),
    Locked(Box<StreamReader<BufReader<File>>>),
}

/// Why an archive does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the archive cannot be read")]
    Io(#[from] io::Error),
    #[error("the archive is locked: give its passphrase (--passphrase-file)")]
    Locked,
    #[error("the archive does not open with this passphrase")]
    Passphrase(#[source] age::DecryptError),
}

impl Source {
    pub fn open(path: &Path, passphrase: Option<&Secret>) -> Result<Self, OpenError> {
        let mut file = BufReader::new(File::open(path)?);
        if !file.fill_buf()?.starts_with(LOCKED) {
            return Ok(Self::Plain(file));
        }
        let passphrase = passphrase.ok_or(OpenError::Locked)?;
        let mut identity = scrypt::Identity::new(secret(passphrase));
        identity.set_max_work_factor(MOST_WORK);
        let identity: &dyn age::Identity = &identity;
        let opened = Decryptor::new_buffered(file).and_then(|it| it.decrypt(std::iter::once(identity)));
        Ok(Self::Locked(Box::new(opened.map_err(OpenError::Passphrase)?)))
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(into),
            Self::Locked(stream) => stream.read(into),
        }
    }
}

/// Copies everything; gives what the manifest says of it.
pub fn copy_and_hash(name: &str, from: &mut impl Read, to: &mut impl Write) -> io::Result<Entry> {
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; 64 * 1024]);
    loop {
        let read = from.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        to.write_all(part)?;
        bytes += part.len() as u64;
    }
    Ok(Entry { name: name.to_owned(), bytes, sha256: hex::encode(hasher.finalize()) })
}

fn secret(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}
