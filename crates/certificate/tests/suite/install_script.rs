//! The Linux archive's script, in homes that exist for one test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use certificate::IssuedWithKey;
use protocol::access::Platform;
use tempfile::{TempDir, tempdir};

use crate::packages::{pack, unpacked};
use crate::support::{PASSWORD, authority, both, client, finish, now, output, write};

fn script(package: &Path, home: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(package.join("install.sh"));
    command.args(arguments).env("HOME", home).current_dir("/");
    finish(command, "install.sh", stdin)
}

fn succeed(package: &Path, home: &Path, arguments: &[&str]) -> String {
    let result = script(package, home, arguments, &format!("{PASSWORD}\n"));
    assert!(result.status.success(), "{arguments:?}: {}", both(&result));
    both(&result)
}

/// A home with a Firefox profile of the distribution's package and one of the snap.
fn home() -> (TempDir, Vec<PathBuf>) {
    let home = tempdir().unwrap();
    let mut databases = vec![home.path().join(".pki/nssdb")];
    for profile in [".mozilla/firefox/abc.default", "snap/firefox/common/.mozilla/firefox/def.my profile"] {
        let profile = home.path().join(profile);
        std::fs::create_dir_all(&profile).unwrap();
        output("certutil", &["-N", "-d", &sql(&profile), "--empty-password"], home.path(), "");
        databases.push(profile);
    }
    (home, databases)
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

    let first = succeed(package.path(), home.path(), &[]);
    assert_eq!(first.matches("Imported into").count(), 3, "{first}");
    let after_first: Vec<String> = databases.iter().map(|database| list(database)).collect();
    for (database, certificates) in databases.iter().zip(&after_first) {
        assert_eq!(keys(database), 1);
        assert_eq!(certificates.matches("u,u,u").count(), 1, "{certificates}");
        assert_eq!(certificates.matches("C,,").count(), 1, "{certificates}");
        assert!(certificates.contains("Example Org Root CA"), "{certificates}");
    }

    write(home.path(), "password", PASSWORD);
    let file = home.path().join("password");
    let second = succeed(package.path(), home.path(), &["--password-file", file.to_str().unwrap()]);
    assert_eq!(second.matches("Already there").count(), 3, "{second}");
    let after_second: Vec<String> = databases.iter().map(|database| list(database)).collect();
    assert_eq!(after_first, after_second);

    for _ in 0..2 {
        succeed(package.path(), home.path(), &["--remove"]);
        for database in &databases {
            assert_eq!(keys(database), 0);
            let certificates = list(database);
            assert!(
                !certificates.contains("Laptop") && !certificates.contains("Example Org"),
                "{certificates}"
            );
        }
    }
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
        succeed(packages[removed].path(), home.path(), &["--remove"]);
        for database in &databases {
            let certificates = list(database);
            assert_eq!(keys(database), 1);
            assert_eq!(certificates.matches("u,u,u").count(), 1, "{certificates}");
            assert!(!holds(database, &issued[removed], "CN=Laptop"));
            assert!(holds(database, &issued[1 - removed], "CN=Laptop"));
            // The other one still needs its authority.
            assert_eq!(certificates.matches("C,,").count(), 1, "{certificates}");
        }
        succeed(packages[1 - removed].path(), home.path(), &["--remove"]);
        assert!(
            databases.iter().all(|database| keys(database) == 0 && !list(database).contains("Example Org"))
        );
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
    succeed(package.path(), home.path(), &["--remove"]);
    assert_eq!(before, databases.iter().map(|database| list(database)).collect::<Vec<_>>());
    succeed(package.path(), home.path(), &[]);
    succeed(package.path(), home.path(), &["--remove"]);
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
    assert!(both(&script(package.path(), home.path(), &["--help"], "")).contains("--remove"));
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
    succeed(package.path(), home.path(), &["--remove"]);
    assert!(!home.path().join("evil").exists());
}
