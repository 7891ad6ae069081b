//! Files that only their owner can read (0600), in a folder that only their owner can open (0700).
//!
//! Windows' files have no such mode; its Credential Manager is always there.

use std::path::Path;
use std::sync::Arc;

use super::KeyStore;

#[cfg(not(unix))]
pub fn store(_: &Path) -> Option<Arc<dyn KeyStore>> {
    None
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
pub fn store(folder: &Path) -> Option<Arc<dyn KeyStore>> {
    Some(Arc::new(unix::FileStore(folder.join("keys"))))
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
    use std::io::{self, ErrorKind, Read, Write};
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
    use std::path::{Path, PathBuf};

    use zeroize::Zeroizing;

    use crate::keystore::{KeyStore, KeyStoreError};

    const OWNER: u32 = 0o600;
    const OWNERS_FOLDER: u32 = 0o700;

    #[derive(Debug)]
    pub struct FileStore(pub PathBuf);

    impl KeyStore for FileStore {
        fn set(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
            write(&self.0, name, secret).map_err(failed)
        }

        fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
            match read(&self.0.join(name)) {
                Ok(secret) => Ok(Some(secret)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed(error)),
            }
        }

        fn remove(&self, name: &str) -> Result<(), KeyStoreError> {
            match fs::remove_file(self.0.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            }
        }
    }

    fn write(folder: &Path, name: &str, secret: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(OWNERS_FOLDER).create(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(OWNERS_FOLDER))?;
        // Written to another file, then renamed: after an interruption the old one or the new one is there.
        let temporary = folder.join(format!("{name}.new"));
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER).open(&temporary)?;
        file.write_all(secret)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join(name))?;
        File::open(folder)?.sync_all()
    }

    fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut file = File::open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            tracing::warn!("a key's file was readable by others; it is its owner's again");
            file.set_permissions(Permissions::from_mode(OWNER))?;
        }
        let mut secret = Zeroizing::new(Vec::with_capacity(4096));
        file.read_to_end(&mut secret)?;
        Ok(secret)
    }

    fn failed(error: io::Error) -> KeyStoreError {
        KeyStoreError::Failed(Box::new(error))
    }
}
