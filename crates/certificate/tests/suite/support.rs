//! Fixtures, and helpers that run other programs.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use certificate::{Authority, AuthorityMaterial, ClientProfile, IssuedWithKey};
use protocol::access::{DeviceName, EmailAddress};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub const NOW: i64 = 1_800_000_000;
pub const MACHINE: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);
pub const PASSWORD: &str = "correct horse staple";

pub fn now() -> OffsetDateTime {
    at(0)
}

/// This many days after [`now`].
pub fn at(days: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap() + Duration::days(days)
}

/// The same bytes for the same seed (SplitMix64).
pub fn random(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |bytes| {
        for chunk in bytes.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

pub fn authority(seed: u64) -> (Authority, AuthorityMaterial) {
    Authority::create(now(), "Example Org", &mut random(seed)).unwrap()
}

/// A client certificate of 90 days, issued at `when`.
pub fn client(authority: &Authority, device: &str, when: OffsetDateTime, seed: u64) -> IssuedWithKey {
    let (device_name, owner) = (device.parse::<DeviceName>().unwrap(), owner());
    authority.issue_client_with_key(&profile(&device_name, &owner), when, &mut random(seed)).unwrap()
}

pub fn owner() -> EmailAddress {
    "anna@example.org".parse().unwrap()
}

pub fn profile<'a>(device_name: &'a DeviceName, owner: &'a EmailAddress) -> ClientProfile<'a> {
    ClientProfile {
        device_name,
        owner,
        machine: MACHINE,
        lifetime: Duration::days(90),
        crl_url: Some("http://pages.example.org/crl.der"),
    }
}

/// Another program's run. Its absence fails the test by name.
pub fn run(program: &str, arguments: &[&str], folder: &Path, stdin: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    finish(command, program, stdin)
}

pub fn finish(mut command: Command, program: &str, stdin: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("the tool `{program}` is needed by this test: {error}"));
    // A program that does not read its input has closed the pipe: no failure of its own.
    let _closed = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// Standard output of a run that must succeed.
pub fn output(program: &str, arguments: &[&str], folder: &Path, stdin: &str) -> String {
    let result = run(program, arguments, folder, stdin);
    assert!(result.status.success(), "{program} {arguments:?} failed: {}", both(&result));
    String::from_utf8_lossy(&result.stdout).into_owned()
}

pub fn openssl(arguments: &[&str], folder: &Path) -> String {
    output("openssl", arguments, folder, "")
}

/// Both streams, for looking for messages.
pub fn both(result: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&result.stdout), String::from_utf8_lossy(&result.stderr))
}

pub fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), bytes).unwrap();
}
