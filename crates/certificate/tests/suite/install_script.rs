//! The Linux archive's script, in homes that exist for one test, with a system's store of their own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use certificate::IssuedWithKey;
use protocol::access::Platform;
use tempfile::{TempDir, tempdir};

use crate::packages::{pack, pack_beside, unpacked};
use crate::support::{NOW, PASSWORD, authority, both, client, finish, now, output, run, write};

/// Debian's own program, on folders of this test. It leaves the distribution's authorities out, to be quick.
const UPDATE: &str = "#!/bin/sh
exec /usr/sbin/update-ca-certificates \"$@\" --certsconf \"$HOME/tools/none.conf\" \\
    --localcertsdir \"$SYSTEM_STORE\" --etccertsdir \"$HOME/tools/trusted\" --hooksdir \"$HOME/tools/none\"
";

fn script(package: &Path, home: &Path, arguments: &[&str], stdin: &str) -> Output {
    finish(command(package, home, arguments), "install.sh", stdin)
}

/// The script with `home` as its home folder. Nothing of the machine that runs the test is touched.
fn command(package: &Path, home: &Path, arguments: &[&str]) -> Command {
    let tools = home.join("tools");
    std::fs::create_dir_all(tools.join("trusted")).unwrap();
    write(&tools, "none.conf", "# nothing of the distribution's\n");
    program(home, "update-ca-certificates", UPDATE);
    if !tools.join("sudo").exists() {
        program(home, "sudo", "#!/bin/sh\n[ \"$1\" != -n ] || shift\nexec \"$@\"\n");
    }
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(package.join("install.sh"));
    command
        .args(arguments)
        .env("HOME", home)
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("SYSTEM_STORE", system_store(home))
        .env_remove("SUDO_USER")
        .env_remove("XDG_DATA_HOME")
        .current_dir("/");
    command
}

/// A program that the script finds before the machine's own.
fn program(home: &Path, name: &str, text: &str) {
    let tools = home.join("tools");
    std::fs::create_dir_all(&tools).unwrap();
    write(&tools, name, text);
    std::fs::set_permissions(tools.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn system_store(home: &Path) -> PathBuf {
    home.join("tools/system")
}

/// What the system's store was given.
fn system_files(home: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(system_store(home)).map(|found| found.flatten().collect::<Vec<_>>());
    entries.unwrap_or_default().into_iter().map(|entry| entry.path()).collect()
}

fn succeed(package: &Path, home: &Path, arguments: &[&str]) -> String {
    let result = script(package, home, arguments, &format!("{PASSWORD}\n"));
    assert!(result.status.success(), "{arguments:?}: {}", both(&result));
    both(&result)
}

/// A home with a Firefox profile of the distribution's package and one of the snap, and with Chromium's snap.
fn home() -> (TempDir, Vec<PathBuf>) {
    let home = tempdir().unwrap();
    let chromium = home.path().join("snap/chromium/current");
    std::fs::create_dir_all(&chromium).unwrap();
    let mut databases = vec![home.path().join(".pki/nssdb"), chromium.join(".pki/nssdb")];
    for profile in [".mozilla/firefox/abc.default", "snap/firefox/common/.mozilla/firefox/def.my profile"] {
        databases.push(database(&home.path().join(profile)));
    }
    (home, databases)
}

/// A new, empty database.
fn database(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    output("certutil", &["-N", "-d", &sql(folder), "--empty-password"], folder, "");
    folder.to_path_buf()
}

/// Every file and folder below `home`, but for those that only the test needs.
fn everything(home: &Path) -> String {
    output("find", &[".", "-path", "./tools", "-prune", "-o", "-print"], home, "")
}

fn sql(database: &Path) -> String {
    format!("sql:{}", database.display())
}

fn list(database: &Path) -> String {
    output("certutil", &["-L", "-d", &sql(database)], database, "")
}

/// Keys in a database; an empty one makes certutil fail.
fn keys(database: &Path) -> usize {
    let mut command = Command::new("certutil");
    command.args(["-K", "-d", &sql(database)]);
    both(&finish(command, "certutil", "")).matches("> ec").count()
}

/// Whether a database holds this very certificate.
fn holds(database: &Path, issued: &IssuedWithKey, nickname: &str) -> bool {
    let mut command = Command::new("certutil");
    command.args(["-L", "-d", &sql(database), "-n", nickname, "-a"]);
    both(&finish(command, "certutil", "")).replace("\r\n", "\n").contains(issued.certificate.pem.trim())
}

#[test]
fn it_imports_everywhere_runs_twice_and_takes_everything_out_again() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = unpacked(&pack(&authority, &issued, "Laptop", Platform::Linux, PASSWORD));
    let (home, databases) = home();
    let before = everything(home.path());

    let first = succeed(package.path(), home.path(), &[]);
    assert_eq!(first.matches("Imported into").count(), 4, "{first}");
    let after_first: Vec<String> = databases.iter().map(|database| list(database)).collect();
    for (database, certificates) in databases.iter().zip(&after_first) {
        assert_eq!(keys(database), 1);
        assert_eq!(certificates.matches("u,u,u").count(), 1, "{certificates}");
        assert_eq!(certificates.matches("C,,").count(), 1, "{certificates}");
        assert!(certificates.contains("Example Org Root CA"), "{certificates}");
    }
    assert_eq!(first.matches("Installed: ").count(), 1, "{first}");
    let [root] = system_files(home.path()).try_into().unwrap();
    assert_eq!(std::fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o644, "everybody reads it");
    assert!(trusted_by_the_system(home.path(), package.path()));
    let all_after_first = everything(home.path());

    write(home.path(), "password", PASSWORD);
    let file = home.path().join("password");
    let second = succeed(package.path(), home.path(), &["--password-file", file.to_str().unwrap()]);
    std::fs::remove_file(file).unwrap();
    assert_eq!(second.matches("Already there").count(), 5, "{second}");
    let after_second: Vec<String> = databases.iter().map(|database| list(database)).collect();
    assert_eq!(after_first, after_second);
    assert_eq!(all_after_first, everything(home.path()));
    assert_eq!(system_files(home.path()), [root]);

    let (made, found) = databases.split_at(2);
    for _ in 0..2 {
        succeed(package.path(), home.path(), &["--uninstall"]);
        for database in found {
            assert_eq!(keys(database), 0);
            let certificates = list(database);
            assert!(
                !certificates.contains("Laptop") && !certificates.contains("Example Org"),
                "{certificates}"
            );
        }
        assert!(made.iter().all(|database| !database.exists()), "what the script made is gone");
        assert_eq!(before, everything(home.path()));
        assert!(system_files(home.path()).is_empty());
        assert!(!trusted_by_the_system(home.path(), package.path()));
    }
}

#[test]
fn both_roots_are_trusted_while_one_authority_replaces_another() {
    let (authority, _) = authority(1);
    let (former, _) = self::authority(2);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = unpacked(&pack_beside(&former, &authority, &issued, "Laptop", Platform::Linux));
    let below_former = client(&former, "Server", now(), 3).certificate.pem;
    let chain = format!("{below_former}{}", former.issuing_pem());
    write(package.path(), "former.crt", chain);
    let (home, databases) = home();
    let before = everything(home.path());

    let first = succeed(package.path(), home.path(), &[]);
    assert_eq!(first.matches("Installed: ").count(), 2, "{first}");
    let certificates: Vec<String> = databases.iter().map(|database| list(database)).collect();
    assert!(certificates.iter().all(|all| all.matches("C,,").count() == 2), "{certificates:?}");
    assert_eq!(system_files(home.path()).len(), 2);
    for file in ["client.crt", "former.crt"] {
        assert!(system_trusts(home.path(), package.path(), file), "{file}");
    }
    let second = succeed(package.path(), home.path(), &[]);
    assert_eq!(second.matches("Already there").count(), 6, "{second}");

    // The machine had a certificate of the former authority, which needs that root still.
    let earlier = client(&former, "Laptop", now(), 4);
    let earlier = unpacked(&pack(&former, &earlier, "Laptop", Platform::Linux, PASSWORD));
    succeed(earlier.path(), home.path(), &[]);
    succeed(package.path(), home.path(), &["--uninstall"]);
    assert!(databases.iter().all(|database| keys(database) == 1));
    assert!(system_trusts(home.path(), package.path(), "former.crt"));
    succeed(earlier.path(), home.path(), &["--uninstall"]);
    succeed(package.path(), home.path(), &["--uninstall"]);
    assert_eq!(before, everything(home.path()));
    assert!(system_files(home.path()).is_empty());
}

/// Whether a program that trusts what the system trusts takes the package's certificate.
fn trusted_by_the_system(home: &Path, package: &Path) -> bool {
    system_trusts(home, package, "client.crt")
}

/// The same for a file with a certificate and those above it.
fn system_trusts(home: &Path, package: &Path, file: &str) -> bool {
    let (trusted, at) = (home.join("tools/trusted"), NOW.to_string());
    let trusted = trusted.to_str().unwrap();
    let chain = ["-untrusted", file, file];
    let only = ["verify", "-no-CAfile", "-no-CAstore", "-attime", &at, "-CApath", trusted];
    run("openssl", &[&only[..], &chain[..]].concat(), package, "").status.success()
}

#[test]
fn chromium_gets_it_where_it_looks() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = unpacked(&pack(&authority, &issued, "Laptop", Platform::Linux, PASSWORD));
    // The old place would hide the new one from Chromium 146 and later.
    let home = tempdir().unwrap();
    let new = database(&home.path().join(".local/share/pki/nssdb"));
    succeed(package.path(), home.path(), &[]);
    assert_eq!(keys(&new), 1);
    assert!(!home.path().join(".pki").exists());
    succeed(package.path(), home.path(), &["--uninstall"]);
    assert_eq!(keys(&new), 0);
    assert!(new.join("cert9.db").exists(), "it was there before");

    let old = database(&home.path().join(".pki/nssdb"));
    succeed(package.path(), home.path(), &[]);
    assert_eq!((keys(&new), keys(&old)), (1, 1));
}

#[test]
fn a_database_that_was_made_stays_with_what_others_put_into_it() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = unpacked(&pack(&authority, &issued, "Laptop", Platform::Linux, PASSWORD));
    let home = tempdir().unwrap();
    succeed(package.path(), home.path(), &[]);
    let made = home.path().join(".pki/nssdb");
    let (another, _) = self::authority(2);
    write(home.path(), "another.pem", another.root_pem());
    let arguments = ["-A", "-d", &sql(&made), "-n", "another", "-t", "C,,", "-i", "another.pem"];
    output("certutil", &arguments, home.path(), "");
    succeed(package.path(), home.path(), &["--uninstall"]);
    let left = list(&made);
    assert!(left.contains("another") && !left.contains("Laptop"), "{left}");
}

#[test]
fn without_an_administrator_the_browsers_still_get_it() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = unpacked(&pack(&authority, &issued, "Laptop", Platform::Linux, PASSWORD));
    let home = tempdir().unwrap();
    program(home.path(), "id", "#!/bin/sh\necho 1000\n");
    program(home.path(), "sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    let printed = succeed(package.path(), home.path(), &[]);
    assert!(printed.contains("Left out: ") && printed.contains("browsers do not need it"), "{printed}");
    assert_eq!(keys(&home.path().join(".pki/nssdb")), 1);
    assert!(system_files(home.path()).is_empty());
    succeed(package.path(), home.path(), &["--uninstall"]);
    assert!(!home.path().join(".pki").exists());

    program(home.path(), "sudo", "#!/bin/sh\necho 'nobody asked for this' >&2\nexit 1\n");
    let printed = succeed(package.path(), home.path(), &["--browsers-only"]);
    assert!(!printed.contains("nobody asked") && !printed.contains("Left out"), "{printed}");
}

#[test]
fn running_with_sudo_is_refused() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = unpacked(&pack(&authority, &issued, "Laptop", Platform::Linux, PASSWORD));
    let home = tempdir().unwrap();
    program(home.path(), "id", "#!/bin/sh\necho 0\n");
    let mut command = command(package.path(), home.path(), &[]);
    command.env("SUDO_USER", "anna");
    let refused = finish(command, "install.sh", PASSWORD);
    assert_eq!(refused.status.code(), Some(1));
    assert!(both(&refused).contains("Run this without sudo"), "{}", both(&refused));
    assert!(!home.path().join(".pki").exists());
}

#[test]
fn a_renewed_certificate_of_the_same_name_stays_when_the_old_one_goes() {
    let (authority, _) = authority(1);
    // Neither order of issuing, and neither order of removing, may hit the other one.
    for removed in [0, 1] {
        let issued = [client(&authority, "Laptop", now(), 2), client(&authority, "Laptop", now(), 3)];
        let packages = issued
            .each_ref()
            .map(|issued| unpacked(&pack(&authority, issued, "Laptop", Platform::Linux, PASSWORD)));
        let (home, databases) = home();
        for package in &packages {
            succeed(package.path(), home.path(), &[]);
        }
        let printed = succeed(packages[removed].path(), home.path(), &["--uninstall"]);
        assert!(printed.contains("Kept, since another certificate needs it"), "{printed}");
        assert_eq!(system_files(home.path()).len(), 1);
        for database in &databases {
            let certificates = list(database);
            assert_eq!(keys(database), 1);
            assert_eq!(certificates.matches("u,u,u").count(), 1, "{certificates}");
            assert!(!holds(database, &issued[removed], "CN=Laptop"));
            assert!(holds(database, &issued[1 - removed], "CN=Laptop"));
            // The other one still needs its authority.
            assert_eq!(certificates.matches("C,,").count(), 1, "{certificates}");
        }
        succeed(packages[1 - removed].path(), home.path(), &["--uninstall"]);
        let (made, found) = databases.split_at(2);
        assert!(found.iter().all(|database| keys(database) == 0 && !list(database).contains("Example Org")));
        assert!(made.iter().all(|database| !database.exists()));
        assert!(system_files(home.path()).is_empty());
    }
}

#[test]
fn other_certificates_are_left_alone() {
    let (ours, _) = authority(1);
    let (theirs, _) = authority(2);
    let (home, databases) = home();
    let other = client(&theirs, "Laptop", now(), 2);
    let other_package = unpacked(&pack(&theirs, &other, "Laptop", Platform::Linux, PASSWORD));
    succeed(other_package.path(), home.path(), &[]);
    let before: Vec<String> = databases.iter().map(|database| list(database)).collect();

    let issued = client(&ours, "Laptop", now(), 3);
    let package = unpacked(&pack(&ours, &issued, "Laptop", Platform::Linux, PASSWORD));
    succeed(package.path(), home.path(), &["--uninstall"]);
    assert_eq!(before, databases.iter().map(|database| list(database)).collect::<Vec<_>>());
    succeed(package.path(), home.path(), &[]);
    succeed(package.path(), home.path(), &["--uninstall"]);
    for database in &databases {
        assert!(holds(database, &other, "CN=Laptop"));
        assert_eq!(list(database).matches("C,,").count(), 1);
    }
}

#[test]
fn a_wrong_password_changes_nothing() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let package = unpacked(&pack(&authority, &issued, "Laptop", Platform::Linux, PASSWORD));
    let home = tempdir().unwrap();
    let result = script(package.path(), home.path(), &[], "not the password\n");
    assert_eq!(result.status.code(), Some(1));
    assert!(both(&result).contains("The password does not open client.p12"), "{}", both(&result));
    assert!(!home.path().join(".pki").exists());
    assert_eq!(script(package.path(), home.path(), &["--unknown"], "").status.code(), Some(2));
    assert!(both(&script(package.path(), home.path(), &["--help"], "")).contains("--uninstall"));
}

#[test]
fn hostile_names_do_not_reach_the_shell() {
    let home = tempdir().unwrap();
    let organisation = "O'Brien $(touch \"$HOME\"/evil) `touch $HOME/evil`";
    let mut random = crate::support::random(1);
    let (authority, _) = certificate::Authority::create(now(), organisation, &mut random).unwrap();
    let device = "'; touch $HOME/evil; '";
    let issued = client(&authority, device, now(), 2);
    let package = unpacked(&pack(&authority, &issued, device, Platform::Linux, PASSWORD));
    succeed(package.path(), home.path(), &[]);
    succeed(package.path(), home.path(), &["--uninstall"]);
    assert!(!home.path().join("evil").exists());
}
