use std::time::{Duration, Instant};

use super::*;

fn keys(system: MemoryStore) -> (Keys, Arc<MemoryStore>, tempfile::TempDir) {
    let (system, folder) = (Arc::new(system), tempfile::tempdir().unwrap());
    (Keys::of(Arc::clone(&system) as Arc<dyn KeyStore>, folder.path()), system, folder)
}

#[test]
fn the_systems_store_comes_first() {
    let (keys, system, folder) = keys(MemoryStore::default());
    assert_eq!(keys.set("a", b"secret").unwrap(), KeyLocation::System);
    assert_eq!(system.names(), ["a"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing beside it");
    assert_eq!(keys.get(KeyLocation::System, "a").unwrap().unwrap().as_slice(), b"secret");
}

#[test]
fn a_locked_store_is_no_reason_for_a_file() {
    let (keys, system, folder) = keys(MemoryStore::default());
    system.lock();
    assert!(matches!(keys.set("a", b"secret"), Err(KeyStoreError::Locked(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn without_a_store_a_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (keys, _, folder) = keys(MemoryStore::unavailable());
    assert_eq!(keys.set("a", b"secret").unwrap(), KeyLocation::File);
    let path = folder.path().join("keys/a");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));

    // Replaced, also where an old temporary file of another mode exists.
    std::fs::write(folder.path().join("keys/a.new"), "left").unwrap();
    assert_eq!(keys.set("a", b"another").unwrap(), KeyLocation::File);
    assert_eq!((mode(&path), std::fs::read_dir(path.parent().unwrap()).unwrap().count()), (0o600, 1));

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(keys.get(KeyLocation::File, "a").unwrap().unwrap().as_slice(), b"another");
    assert_eq!(mode(&path), 0o600, "readable by others no longer");

    keys.remove(KeyLocation::File, "a").unwrap();
    keys.remove(KeyLocation::File, "a").unwrap();
    assert!(keys.get(KeyLocation::File, "a").unwrap().is_none());
}

/// Runs `inner`, an ignored test of this program, on a message bus of its own; `prepare` is a shell command before it.
#[cfg(target_os = "linux")]
fn on_a_bus(inner: &str, prepare: &str) {
    let home = tempfile::tempdir().unwrap();
    let script = format!("{prepare}\nexec \"$0\" --exact {inner} --ignored --nocapture");
    let output = std::process::Command::new("dbus-run-session")
        .args(["--", "sh", "-euc", &script])
        .arg(std::env::current_exe().unwrap())
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("XDG_RUNTIME_DIR", home.path())
        .output()
        .expect("dbus-run-session; `cargo xtask setup test` installs it");
    let output_text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output_text.contains("1 passed"), "{output_text}\n{errors}");
}

/// A real Secret Service: GNOME's, as Ubuntu has it.
#[cfg(target_os = "linux")]
#[test]
fn a_real_secret_service_keeps_secrets() {
    on_a_bus(
        "keystore::tests::in_a_secret_service",
        "printf 'a password' | gnome-keyring-daemon --unlock --components=secrets >/dev/null",
    );
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "runs inside a_real_secret_service_keeps_secrets"]
fn in_a_secret_service() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new(folder.path());
    assert!(keys.get(KeyLocation::System, "a").unwrap().is_none());
    let secret: Vec<u8> = (0..=255).cycle().take(2500).collect();
    assert_eq!(keys.set("a", b"first").unwrap(), KeyLocation::System);
    assert_eq!(keys.set("a", &secret).unwrap(), KeyLocation::System);
    assert_eq!(keys.set("b", b"other").unwrap(), KeyLocation::System);
    assert_eq!(keys.get(KeyLocation::System, "a").unwrap().unwrap().as_slice(), secret);
    keys.remove(KeyLocation::System, "a").unwrap();
    keys.remove(KeyLocation::System, "a").unwrap();
    assert!(keys.get(KeyLocation::System, "a").unwrap().is_none());
    assert_eq!(keys.get(KeyLocation::System, "b").unwrap().unwrap().as_slice(), b"other");
}

/// GNOME's Secret Service starts by itself, but nobody has signed in to it, so it has nothing to keep secrets in.
#[cfg(target_os = "linux")]
#[test]
fn an_empty_secret_service_and_none_at_all_are_the_same() {
    on_a_bus("keystore::tests::without_a_secret_service", ":");
    on_a_bus("keystore::tests::without_a_secret_service", "unset DBUS_SESSION_BUS_ADDRESS");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "runs inside an_empty_secret_service_and_none_at_all_are_the_same"]
fn without_a_secret_service() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new(folder.path());
    if let Err(KeyStoreError::Unavailable(cause)) = keys.remove(KeyLocation::System, "a") {
        println!("no key store: {cause}");
        assert_ne!(cause.to_string(), keyring::Error::NoDefaultStore.to_string());
    }
    assert_eq!(keys.set("a", b"secret").unwrap(), KeyLocation::File);
    assert_eq!(keys.get(KeyLocation::File, "a").unwrap().unwrap().as_slice(), b"secret");
}

/// D-Bus waits for it to come, and would for two minutes.
#[cfg(target_os = "linux")]
const SILENT_SERVICE: &str = "mkdir -p \"$XDG_DATA_HOME/dbus-1/services\"
printf '[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/bin/sh -c \"exec sleep 30 >/dev/null 2>&1\"\n' \
    > \"$XDG_DATA_HOME/dbus-1/services/org.freedesktop.secrets.service\"
dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ReloadConfig";

#[cfg(target_os = "linux")]
#[test]
fn a_secret_service_that_says_nothing_is_not_waited_for() {
    on_a_bus("keystore::tests::before_a_silent_secret_service", SILENT_SERVICE);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "runs inside a_secret_service_that_says_nothing_is_not_waited_for"]
fn before_a_silent_secret_service() {
    let folder = tempfile::tempdir().unwrap();
    let store = system::SystemStore::with_first_contact_timeout(Duration::from_secs(1));
    let keys = Keys::of(Arc::new(store), folder.path());
    let started = Instant::now();
    let Err(KeyStoreError::Unavailable(cause)) = keys.get(KeyLocation::System, "a") else {
        panic!("no answer is no store")
    };
    assert_eq!(cause.to_string(), "it did not answer in time");
    // Nor is it asked again.
    assert_eq!(keys.set("a", b"secret").unwrap(), KeyLocation::File);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
