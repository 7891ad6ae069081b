//! Who may read the files of an SQLite database.

use std::path::Path;

/// Leaves the database's files to the server's account alone, whatever folder they are in, and creates the first one so.
/// SQLite gives the others the same permissions.
#[cfg(unix)]
pub(crate) fn make_private(database: &Path) {
    use std::fs::{self, OpenOptions, Permissions};
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    // SQLite would create it for everybody to read. If it cannot be created, SQLite's own error says why.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(database);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        let is_shared = |found: fs::Metadata| found.permissions().mode() & 0o077 != 0;
        if fs::metadata(&path).is_ok_and(is_shared) {
            let path = Path::new(&path);
            let file = path.display();
            match fs::set_permissions(path, Permissions::from_mode(0o600)) {
                Ok(()) => {
                    tracing::warn!(%file, "other accounts could open a file of the database; now none can");
                }
                Err(error) => tracing::warn!(%file, %error, "other accounts can open a file of the database"),
            }
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn make_private(_database: &Path) {}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use crate::Store;

    #[tokio::test]
    async fn no_other_account_can_open_the_database() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let database = folder.path().join("aiwe.db");
        let modes = || {
            let modes = ["aiwe.db", "aiwe.db-wal", "aiwe.db-shm"]
                .map(|name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode());
            modes.map(|mode| mode & 0o777)
        };
        let store = Store::open_sqlite(&database).await.unwrap();
        assert_eq!(modes(), [0o600; 3]);

        // Of an earlier version, which was killed.
        for name in ["aiwe.db", "aiwe.db-wal", "aiwe.db-shm"] {
            fs::set_permissions(folder.path().join(name), Permissions::from_mode(0o644)).unwrap();
        }
        let again = Store::open_sqlite(&database).await.unwrap();
        assert_eq!(modes(), [0o600; 3]);
        again.close().await;
        store.close().await;
    }
}
