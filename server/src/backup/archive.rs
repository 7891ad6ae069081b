//! The archive format: tar, optionally encrypted with a passphrase by age (scrypt and ChaCha20-Poly1305).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::stream::{StreamReader, StreamWriter};
use age::{Decryptor, Encryptor, scrypt};
use domain::secret::Secret;
use sha2::{Digest, Sha256};

use super::FileEntry;

/// The first bytes of an encrypted archive.
const AGE_MAGIC: &[u8] = b"age-encryption.org/";
/// log2 of scrypt's cost parameter N. With blocks of 1 KiB, 2^17 take 128 MiB.
const WORK_FACTOR: u8 = 17;
/// The highest work factor that is accepted: a forged archive could otherwise demand any amount of memory.
const MAX_WORK_FACTOR: u8 = 20;

/// An archive that is being written.
pub enum Sink {
    Plain(File),
    Encrypted(StreamWriter<File>),
}

impl Sink {
    pub fn new(file: File, passphrase: Option<&Secret>) -> io::Result<Self> {
        let Some(passphrase) = passphrase else { return Ok(Self::Plain(file)) };
        let mut recipient = scrypt::Recipient::new(secret(passphrase));
        recipient.set_work_factor(WORK_FACTOR);
        let recipient: &dyn age::Recipient = &recipient;
        let encryptor = Encryptor::with_recipients(std::iter::once(recipient)).map_err(io::Error::other)?;
        Ok(Self::Encrypted(encryptor.wrap_output(file)?))
    }

    /// Finishes the archive and flushes it to the disk.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.sync_all(),
            Self::Encrypted(stream) => stream.finish()?.sync_all(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// An archive that is being read.
pub enum Source {
    Plain(BufReader<File>),
    Encrypted(Box<StreamReader<BufReader<File>>>),
}

/// Why an archive cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the archive cannot be read")]
    Io(#[from] io::Error),
    #[error("the archive is locked: give its passphrase (--passphrase-file)")]
    PassphraseMissing,
    #[error("the archive does not open with this passphrase")]
    Passphrase(#[source] age::DecryptError),
}

impl Source {
    pub fn open(path: &Path, passphrase: Option<&Secret>) -> Result<Self, OpenError> {
        let mut file = BufReader::new(File::open(path)?);
        if !file.fill_buf()?.starts_with(AGE_MAGIC) {
            return Ok(Self::Plain(file));
        }
        let passphrase = passphrase.ok_or(OpenError::PassphraseMissing)?;
        let mut identity = scrypt::Identity::new(secret(passphrase));
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        let identity: &dyn age::Identity = &identity;
        let opened = Decryptor::new_buffered(file).and_then(|it| it.decrypt(std::iter::once(identity)));
        Ok(Self::Encrypted(Box::new(opened.map_err(OpenError::Passphrase)?)))
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(into),
            Self::Encrypted(stream) => stream.read(into),
        }
    }
}

/// Copies everything and returns the manifest entry for it.
pub fn copy_and_hash(name: &str, from: &mut impl Read, to: &mut impl Write) -> io::Result<FileEntry> {
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; 64 * 1024]);
    loop {
        let read = from.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { break };
        hasher.update(chunk);
        to.write_all(chunk)?;
        bytes += chunk.len() as u64;
    }
    Ok(FileEntry { name: name.to_owned(), bytes, sha256: hex::encode(hasher.finalize()) })
}

fn secret(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}
