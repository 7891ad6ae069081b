//! `server backup` while the server runs, and `server restore` into another folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::native::{AccessToken, Challenge, Session};
use serde_json::json;

use crate::client::{Visitor, machine};
use crate::process::Program;
use crate::seed::{PASSWORD, Seed};

const PASSPHRASE: &str = "a passphrase for the archive";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A data folder after a server's first start.
struct Small {
    folder: tempfile::TempDir,
    program: Program,
}

impl Small {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::new(&folder.path().join("data"));
        program.must(&["ca", "show"]);
        Self { folder, program }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn back_up(&self, name: &str) -> std::path::PathBuf {
        let path = self.path(name);
        self.program.must(&["backup", text(&path)]);
        path
    }

    /// A restore that must fail; returns the error. Nothing may be left of the attempt.
    fn refused(&self, archive: &Path, more: &[&str]) -> String {
        let target = Program::new(&self.path("elsewhere"));
        let said = target.refused(&[&["restore", text(archive)], more].concat());
        assert!(!target.data.exists(), "{said}");
        said
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_server_can_be_restored_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("data"));
    let seed = Seed::open(&program).await;
    seed.administrator().await;
    let identity = seed.machine("anna@example.org").await;
    let authority = seed.0.certificates.roots_pem();
    seed.close().await;

    let anchor = program.must(&["audit", "head"]).trim().to_owned();
    let process = program.serve().await;
    let client = machine(&identity.certificate, &identity.key, &authority);
    let url = |port: u16, path: &str| format!("https://localhost:{port}{path}");
    let login = json!({ "username": "anna@example.org", "password": PASSWORD });
    let answer = client.post(url(process.machines, "/native/login")).json(&login).send().await.unwrap();
    let challenge: Challenge = answer.json().await.unwrap();
    let factor = json!({ "challenge": challenge.challenge, "code": identity.codes[0] });
    let answer = client.post(url(process.machines, "/native/verify-2fa")).json(&factor).send().await.unwrap();
    let token: AccessToken = answer.json().await.unwrap();

    // Four clients send requests for access as fast as they can, each one after the other.
    let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (visitor, asked, stop) = (Visitor::of(&process), Arc::clone(&asked), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::SeqCst) {
                    number += 1;
                    let status = visitor.ask(&format!("p{writer}-{number}@example.org")).await.unwrap();
                    asked.lock().unwrap().push(status);
                }
            })
        })
        .collect();
    while asked.lock().unwrap().len() < 40 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = asked.lock().unwrap().clone();
    let archive = folder.path().join("server.backup");
    let said = {
        let (program, archive) = (program.clone(), archive.clone());
        tokio::task::spawn_blocking(move || program.must(&["backup", text(&archive)])).await.unwrap()
    };
    let after = asked.lock().unwrap().len();
    while asked.lock().unwrap().len() < after + 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(after > before.len(), "the server worked on while it was backed up");
    assert!(said.contains("aiwe.db") && said.contains("data.key") && said.contains("not locked"), "{said}");
    assert_eq!(mode(&archive), 0o600);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| text(Path::new(name)).starts_with(".aiwe")), "{left:?}");
    process.kill();

    // Only the archive survives.
    fs::remove_dir_all(&program.data).unwrap();
    let elsewhere = Program::new(&folder.path().join("elsewhere"));
    let said = elsewhere.must(&["restore", text(&archive)]);
    assert!(said.contains("audit log") && said.contains("opens the keys of the authority"), "{said}");
    for name in ["aiwe.db", "data.key"] {
        assert_eq!(mode(&elsewhere.data.join(name)), 0o600, "{name}");
    }
    let process = elsewhere.serve().await;
    let visitor = Visitor::of(&process);
    for status in &before {
        assert_eq!(visitor.get(status).await.unwrap().status(), 200, "{status} was acknowledged before");
    }
    // The certificate, the session and the token are still valid.
    let session =
        client.get(url(process.machines, "/native/session")).bearer_auth(token.access_token.expose());
    let session: Session = session.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
    assert_eq!(session.email, "anna@example.org");
    drop(process);
    assert!(elsewhere.must(&["audit", "verify"]).contains("is whole"));
    // A head that was kept from before the backup is in it, and one from after it is not.
    assert!(elsewhere.must(&["audit", "verify", "--head", &anchor]).contains("is whole"));
    let said = elsewhere.refused(&["audit", "verify", "--head", &format!("999999:{}", "0".repeat(64))]);
    assert!(said.contains("entry 999999"), "{said}");
    let said = elsewhere.refused(&["audit", "verify", "--head", "999999"]);
    assert!(said.contains("audit head"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn existing_files_are_not_overwritten() {
    let small = Small::new();
    let archive = small.back_up("first.backup");
    let (content, key) =
        (fs::read(&archive).unwrap(), fs::read(small.program.data.join("data.key")).unwrap());
    assert!(small.program.refused(&["backup", text(&archive)]).contains("exists already"));
    assert_eq!(fs::read(&archive).unwrap(), content);
    let said = small.program.refused(&["restore", text(&archive)]);
    assert!(said.contains("is not empty"), "{said}");
    assert_eq!(fs::read(small.program.data.join("data.key")).unwrap(), key);

    // A folder with any content is refused; an empty one is accepted.
    let other = Program::new(&small.path("other"));
    fs::create_dir(&other.data).unwrap();
    fs::write(other.data.join("note"), "mine").unwrap();
    assert!(other.refused(&["restore", text(&archive)]).contains("is not empty"));
    fs::remove_file(other.data.join("note")).unwrap();
    other.must(&["restore", text(&archive)]);
    assert_eq!(other.must(&["ca", "show"]), small.program.must(&["ca", "show"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_archive_opens_only_with_its_passphrase() {
    let small = Small::new();
    let file = |name: &str, content: &str| {
        fs::write(small.path(name), content).unwrap();
        small.path(name)
    };
    let (right, wrong) = (file("right", &format!("{PASSPHRASE}\n")), file("wrong", "another\n"));
    let archive = small.path("locked.backup");
    let said = small.program.must(&["backup", text(&archive), "--passphrase-file", text(&right)]);
    assert!(!said.contains("not locked"), "{said}");
    let content = fs::read(&archive).unwrap();
    assert!(content.starts_with(b"age-encryption.org/v1") && mode(&archive) == 0o600);
    for plain in [b"manifest.json".as_slice(), b"BEGIN CERTIFICATE", b"SQLite format"] {
        assert!(!content.windows(plain.len()).any(|window| window == plain));
    }
    assert!(small.refused(&archive, &[]).contains("--passphrase-file"));
    assert!(small.refused(&archive, &["--passphrase-file", text(&wrong)]).contains("with this passphrase"));
    let empty = file("empty", "\n");
    let said = small.refused(&archive, &["--passphrase-file", text(&empty)]);
    assert!(said.contains("no passphrase in its first line"), "{said}");
    let cut = small.path("cut.backup");
    fs::write(&cut, &content[..content.len() - 40_000]).unwrap();
    small.refused(&cut, &["--passphrase-file", text(&right)]);

    let restored = Program::new(&small.path("restored"));
    restored.must(&["restore", text(&archive), "--passphrase-file", text(&right)]);
    assert_eq!(restored.must(&["ca", "show"]), small.program.must(&["ca", "show"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_or_forged_archive_is_rejected() {
    let small = Small::new();
    let archive = small.back_up("whole.backup");
    let whole = fs::read(&archive).unwrap();
    let bad = small.path("bad.backup");
    let at = |needle: &[u8]| whole.windows(needle.len()).position(|window| window == needle).unwrap();
    // In the database's pages, a certificate, the data key, and a hash in the manifest.
    let places =
        [whole.len() / 2, at(b"BEGIN CERTIFICATE") + 40, whole.len() - 1_500, at(b"\"sha256\": \"") + 12];
    for place in places {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        // A zero byte is padding between the files, where damage does no harm.
        if damaged[place] != 1 {
            fs::write(&bad, &damaged).unwrap();
            let said = small.refused(&bad, &[]);
            assert!(said.contains("damaged") || said.contains("no backup"), "{place}: {said}");
        }
    }
    for cut in [0, 100, 5_000, whole.len() / 2] {
        fs::write(&bad, &whole[..cut]).unwrap();
        small.refused(&bad, &[]);
    }

    // File names that would write outside the folder or do not belong in it.
    for name in ["../outside", "aiwe.db-wal"] {
        let manifest = json!({
            "format": 1, "program": "0", "created_at": 0, "database": "sqlite",
            "files": [{ "name": name, "bytes": 4, "sha256": "" }],
        });
        forge(&bad, &manifest.to_string(), name);
        assert!(small.refused(&bad, &[]).contains("no backup"), "{name}");
        assert!(!small.path("outside").exists());
    }
    forge(
        &bad,
        &json!({ "format": 2, "program": "9.0", "created_at": 0, "database": "sqlite", "files": [] })
            .to_string(),
        "x",
    );
    assert!(small.refused(&bad, &[]).contains("newer version (9.0)"));
    // A file that is not a database, with the right hash.
    let sha256 = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7";
    let files = json!([{ "name": "aiwe.db", "bytes": 4, "sha256": sha256 }]);
    let manifest =
        json!({ "format": 1, "program": "0", "created_at": 0, "database": "sqlite", "files": files });
    forge(&bad, &manifest.to_string(), "aiwe.db");
    assert!(small.refused(&bad, &[]).contains("database"));
}

/// An archive with this manifest and one file of four bytes, "data".
fn forge(path: &Path, manifest: &str, name: &str) {
    let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, content) in [("manifest.json", manifest), (name, "data")] {
        let mut header = tar::Header::new_old();
        // Written directly: the builder would reject a path that leads out of the folder.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_is_included_but_an_external_key_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (config, key) = (folder.path().join("server.toml"), folder.path().join("outside.key"));
    fs::write(&key, "07".repeat(32)).unwrap();
    fs::write(&config, "[database]\ndata_key_file = \"outside.key\"\n").unwrap();
    let program = Program::new(&folder.path().join("data"));
    program.must(&["--config", text(&config), "ca", "show"]);
    let archive = folder.path().join("server.backup");
    let said = program.must(&["--config", text(&config), "backup", text(&archive)]);
    assert!(said.contains("config.toml") && said.contains("given from outside"), "{said}");
    assert!(!said.contains("data.key"), "{said}");
    let elsewhere = Program::new(&folder.path().join("elsewhere"));
    let said = elsewhere.must(&["restore", text(&archive)]);
    assert!(said.contains("The data key is not in the archive"), "{said}");
    assert_eq!(fs::read(elsewhere.data.join("config.toml")).unwrap(), fs::read(&config).unwrap());
    assert_eq!(
        elsewhere.must(&["--config", text(&config), "ca", "show"]),
        program.must(&["--config", text(&config), "ca", "show"])
    );
}
