//! The server refuses to start with missing or corrupt trust anchors, keys or settings, and names them.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use certificate::{Authority, AuthorityMaterial};
use domain::clock::{Clock, SystemClock};
use domain::random::{Random, SystemRandom};
use rcgen::generate_simple_self_signed;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// How an attempt to start ended.
#[derive(Debug)]
enum Start {
    Refused(String),
    Serves,
}

/// A data folder after a server's first start.
struct Data {
    folder: tempfile::TempDir,
}

impl Data {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = Self { folder };
        let made = data.command("ca").arg("show").stdin(Stdio::null()).output().unwrap();
        assert!(String::from_utf8_lossy(&made.stdout).starts_with("-----BEGIN CERTIFICATE"), "{made:?}");
        data
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn copy(&self) -> Self {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        Self { folder: copy }
    }

    /// The server's binary.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
        command.env_clear().arg("--data-dir").arg(self.folder.path()).arg(name);
        command.current_dir(self.folder.path());
        command
    }

    fn serve(&self, settings: &[(&str, &Path)]) -> Start {
        let (said, failed) = (self.path("stdout"), self.path("stderr"));
        let mut server = self
            .command("serve")
            .env("AIWE_PAGES__LISTEN", "127.0.0.1:0")
            .env("AIWE_MACHINES__LISTEN", "127.0.0.1:0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&said).unwrap())
            .stderr(File::create(&failed).unwrap())
            .spawn()
            .unwrap();
        let since = Instant::now();
        loop {
            if let Some(status) = server.try_wait().unwrap() {
                assert!(!status.success(), "it ended as if all were well");
                let text = fs::read_to_string(&failed).unwrap();
                let last = text.split_once("error: ").map_or(text.as_str(), |(_, error)| error);
                return Start::Refused(last.to_owned());
            }
            let serves = fs::read_to_string(&said).unwrap().contains("Machines:");
            if serves || since.elapsed() > Duration::from_secs(30) {
                server.kill().unwrap();
                server.wait().unwrap();
                assert!(serves, "it neither serves nor ends");
                return Start::Serves;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Runs an SQL statement on the database.
    async fn sql(&self, statement: &str) {
        let pool = self.pool().await;
        let done = sqlx::query(statement).execute(&pool).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement} changed nothing");
        pool.close().await;
    }

    async fn authorities(&self) -> i64 {
        let pool = self.pool().await;
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM authority").fetch_one(&pool).await.unwrap();
        pool.close().await;
        count
    }

    async fn pool(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new().filename(self.path("aiwe.db"));
        SqlitePool::connect_with(options).await.unwrap()
    }
}

/// Checks that the start was refused with a message that contains all of `words`.
fn refused(what: &str, start: &Start, words: &[&str]) -> Option<String> {
    match start {
        Start::Refused(message) if words.iter().all(|word| message.contains(word)) => None,
        other => Some(format!("{what}: expected a refusal with {words:?}, got {other:?}")),
    }
}

fn other_authority() -> AuthorityMaterial {
    let random = &mut |bytes: &mut [u8]| SystemRandom.fill(bytes);
    Authority::create(SystemClock.now(), "AI Workflow Engine", random).unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_anchors_that_are_missing_or_corrupt_are_refused() {
    let whole = Data::new();
    let foreign = other_authority();
    let set = |column: &str, value: &str| format!("UPDATE authority SET {column} = {value}");
    let cut = |column: &str| set(column, &format!("substr({column}, 1, 200)"));
    let cases: [(&str, String, &[&str]); 12] = [
        ("no root", set("root_certificate", "''"), &["authority", "root certificate is missing"]),
        ("a cut root", cut("root_certificate"), &["authority", "root certificate cannot be read"]),
        (
            "another's root",
            set("root_certificate", &format!("'{}'", foreign.root_certificate)),
            &["authority", "issuing certificate was not issued by the root certificate"],
        ),
        ("no issuing certificate", set("issuing_certificate", "''"), &["issuing certificate is missing"]),
        ("a cut issuing certificate", cut("issuing_certificate"), &["issuing certificate cannot be read"]),
        (
            "another's issuing certificate",
            set("issuing_certificate", &format!("'{}'", foreign.issuing_certificate)),
            &["issuing certificate was not issued by the root certificate"],
        ),
        (
            "the root as issuing certificate",
            set("issuing_certificate", "root_certificate"),
            &["issuing key does not belong to its certificate"],
        ),
        ("an empty key", set("issuing_key_sealed", "X''"), &["issuing key does not open", "data.key"]),
        (
            "the root's key in the place of the issuing one",
            set("issuing_key_sealed", "root_key_sealed"),
            &["issuing key does not open"],
        ),
        ("a cut root key", cut("root_key_sealed"), &["root key does not open"]),
        ("no authority", "DELETE FROM authority".to_owned(), &["table authority", "restore"]),
        ("none in use", set("superseded_at", "1"), &["table authority", "restore"]),
    ];
    let mut wrong = Vec::new();
    for (what, statement, words) in &cases {
        let data = whole.copy();
        data.sql(statement).await;
        let before = data.authorities().await;
        wrong.extend(refused(what, &data.serve(&[]), words));
        assert_eq!(data.authorities().await, before, "{what}: an authority was made in its place");
    }
    // A superseded authority is still trusted, so it is checked as strictly.
    let data = whole.copy();
    data.sql(
        "INSERT INTO authority SELECT 'earlier', root_certificate, NULL, issuing_certificate, X'00', 1, 1, NULL FROM authority",
    )
    .await;
    wrong.extend(refused("a corrupt earlier one", &data.serve(&[]), &["issuing key does not open"]));
    let data = whole.copy();
    fs::write(data.path("aiwe.db"), "no database").unwrap();
    // Otherwise SQLite would restore the content from the write-ahead log, if the former process left one.
    let _ = fs::remove_file(data.path("aiwe.db-wal"));
    wrong.extend(refused("a corrupt database", &data.serve(&[]), &["the database cannot be opened"]));

    assert!(matches!(whole.serve(&[]), Start::Serves), "the intact one starts");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_or_wrong_data_key_is_refused() {
    let whole = Data::new();
    let mut wrong = Vec::new();

    let data = whole.copy();
    fs::remove_file(data.path("data.key")).unwrap();
    wrong.extend(refused("none", &data.serve(&[]), &["data.key", "is missing", "database.data_key_file"]));
    assert!(!data.path("data.key").exists(), "no new key was created");

    for (what, text, words) in [
        ("cut", "00".repeat(31), ["data.key", "64 hexadecimal digits"]),
        ("another", "00".repeat(32), ["does not open with the data key", "data.key"]),
    ] {
        let data = whole.copy();
        fs::write(data.path("data.key"), text).unwrap();
        wrong.extend(refused(what, &data.serve(&[]), &words));
    }
    let data = whole.copy();
    fs::set_permissions(data.path("data.key"), Permissions::from_mode(0o644)).unwrap();
    wrong.extend(refused("readable by others", &data.serve(&[]), &["data.key", "0600"]));
    let settings = [("AIWE_DATABASE__DATA_KEY_FILE", Path::new("nowhere"))];
    wrong.extend(refused(
        "a file that is not there",
        &whole.copy().serve(&settings),
        &["database.data_key_file"],
    ));

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_certificate_that_cannot_be_used_is_refused() {
    let data = Data::new();
    let write = |name: &str, text: &str| {
        fs::write(data.path(name), text).unwrap();
        data.path(name)
    };
    let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = write("own.crt", &own.cert.pem());
    let key = write("own.key", &own.signing_key.serialize_pem());
    let other_key = write("other.key", &other.signing_key.serialize_pem());
    let garbage = write("garbage.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n");
    let empty = write("empty.pem", "");
    let nowhere = data.path("nowhere.pem");

    let mut wrong = Vec::new();
    for (section, certificate_field, key_field) in [
        ("machines", "AIWE_MACHINES__TLS_CERTIFICATE", "AIWE_MACHINES__TLS_KEY"),
        ("pages", "AIWE_PAGES__TLS_CERTIFICATE", "AIWE_PAGES__TLS_KEY"),
    ] {
        let (both, named) =
            (format!("{section}.tls_certificate with {section}.tls_key"), |f| format!("{section}.{f}"));
        for (what, certificate, key, words) in [
            ("a corrupt certificate", &garbage, &key, [both.as_str(), "garbage.pem"]),
            ("an empty certificate", &empty, &key, [&both, "empty.pem"]),
            ("an empty key", &certificate, &empty, [&both, "empty.pem"]),
            ("another's key", &certificate, &other_key, [&both, "cannot be used together"]),
            ("no certificate", &nowhere, &key, [&named("tls_certificate"), "No such file"]),
            ("no key", &certificate, &nowhere, [&named("tls_key"), "No such file"]),
        ] {
            let start = data.serve(&[(certificate_field, certificate), (key_field, key)]);
            wrong.extend(refused(&format!("{section}: {what}"), &start, &words));
        }
    }
    let plain = data.serve(&[("AIWE_MACHINES__PLAIN", Path::new("true"))]);
    wrong.extend(refused("plain without a proxy's secret", &plain, &["machines.plain", "proxy.secret"]));
    let good =
        data.serve(&[("AIWE_MACHINES__TLS_CERTIFICATE", &certificate), ("AIWE_MACHINES__TLS_KEY", &key)]);
    assert!(matches!(good, Start::Serves), "{good:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
