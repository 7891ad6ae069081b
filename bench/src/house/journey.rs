//! The way from an empty data folder to somebody who is signed in on a machine, over HTTP alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use protocol::access::{AccessRequestRow, Asked, RequestAccess};
use protocol::mode::ModeSummary;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor};
use protocol::people::{RecoveryCodes, SetupOffer, SignInStep};
use serde::Deserialize;
use serde_json::json;
use totp_rs::{Algorithm, Secret, TOTP};

use super::visitor::{Visitor, http_client};
use super::{Machine, Page, identity};
use crate::programs::{Ports, Server};

const ADMINISTRATOR: &str = "chief@example.org";
const OWNER: &str = "anna@example.org";
/// Where the mail about an approved request leads.
const LINK: &str = "/public/download-certs/";
/// Has asked and been approved, and stops there: the pages of that way stay open.
const WAITING: &str = "bert@example.org";
const PASSWORD: &str = "several words make a password";

/// A page of a list.
#[derive(Deserialize)]
struct List<T> {
    rows: Vec<T>,
}

#[derive(Deserialize)]
struct Mail {
    to: String,
    text: String,
}

/// An approved request.
#[derive(Debug, Clone)]
pub struct Approved {
    pub id: String,
    pub email: String,
    /// The browser that asked.
    pub browser: Visitor,
    pub status_path: String,
    pub download_path: String,
}

/// What [`furnish`] made.
#[derive(Debug)]
pub struct Furnished {
    pub administrator: Visitor,
    pub machine: Machine,
    pub pages: Vec<Page>,
}

pub async fn furnish(server: &mut Server, ports: Ports, folder: &Path) -> Result<Furnished> {
    let url = ports.pages_url();
    let link = server.program.says("First administrator (one-time link): ").await?;
    let link = link.strip_prefix(&url).context("the set-up link leads elsewhere")?.to_owned();
    let mut administrator = Visitor::new(http_client(None)?, url);
    let codes = set_up(&mut administrator, &link, ADMINISTRATOR).await?;
    sign_in(&mut administrator, &codes).await?;

    let machine = provision(&mut administrator, OWNER, ports, folder).await?;
    let waiting = approved(&mut administrator, WAITING).await?;
    let pages = pages(&administrator, waiting, &machine).await?;
    Ok(Furnished { administrator, machine, pages })
}

/// Brings somebody from asking for access to being signed in on a machine. Its files go to `folder`.
pub async fn provision(
    administrator: &mut Visitor,
    email: &str,
    ports: Ports,
    folder: &Path,
) -> Result<Machine> {
    let owner = approved(administrator, email).await?;
    machine(owner, ports, folder).await
}

/// Asks for access, from a browser of one's own, and is approved.
pub async fn approved(administrator: &mut Visitor, email: &str) -> Result<Approved> {
    let mut browser = administrator.stranger().reconnected()?;
    let asked = ask(&mut browser, email).await?;
    let id = request_of(administrator, email).await?;
    approve(administrator, &id).await?;
    let links = links(administrator, 1).await?;
    Ok(Approved {
        id,
        browser,
        status_path: path_of(&asked.status_url)?,
        download_path: links.get(email).with_context(|| format!("no link in a mail to {email}"))?.clone(),
        email: email.to_owned(),
    })
}

pub async fn ask(browser: &mut Visitor, email: &str) -> Result<Asked> {
    let request = RequestAccess {
        email: email.to_owned(),
        // Its package is the bare PKCS#12 file.
        platform: Some("macos".to_owned()),
        device_name: Some("A machine to measure with".to_owned()),
        message: None,
    };
    browser.post("/public/request-access", &request).await
}

/// The id of the request that came from this address.
pub async fn request_of(administrator: &mut Visitor, email: &str) -> Result<String> {
    let path = format!("/admin/api/access-requests?search={email}");
    let list: List<AccessRequestRow> = administrator.get(&path).await?;
    Ok(list.rows.into_iter().next().with_context(|| format!("no request of {email}"))?.id)
}

pub async fn approve(administrator: &mut Visitor, id: &str) -> Result<()> {
    let path = format!("/admin/api/access-requests/{id}/approve");
    let _: AccessRequestRow = administrator.post(&path, &json!({})).await?;
    Ok(())
}

/// The newest `count` download links and perhaps some before them, by the addresses that they were mailed to. Without a
/// mail server the mails stay where the administrator can copy them.
pub async fn links(administrator: &mut Visitor, count: usize) -> Result<BTreeMap<String, String>> {
    let mut links = BTreeMap::new();
    for page in 0_u32.. {
        let mails: List<Mail> = administrator.call("outbox/list", &[("page", &page.to_string())]).await?;
        let last = mails.rows.is_empty();
        for Mail { to, text } in mails.rows {
            let Some(start) = text.find(LINK) else { continue };
            let link = text.get(start..).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
            links.entry(to).or_insert_with(|| link.to_owned());
        }
        if last || links.len() >= count {
            break;
        }
    }
    Ok(links)
}

/// Chooses password and second factor behind a set-up link. Gives codes that need no clock afterwards.
async fn set_up(visitor: &mut Visitor, path: &str, email: &str) -> Result<Vec<String>> {
    let token =
        path.strip_prefix("/setup/").with_context(|| format!("expected a set-up link, not {path}"))?;
    let offer: SetupOffer = visitor.call("people/offer", &[("token", token)]).await?;
    let code = code(&offer.totp_secret)?;
    let answer = [("token", token), ("email", email), ("password", PASSWORD), ("code", &code)];
    let RecoveryCodes(codes) = visitor.call("people/set-up", &answer).await?;
    Ok(codes)
}

#[expect(clippy::disallowed_methods, reason = "an authenticator goes by the real time; the server does too")]
fn code(secret: &str) -> Result<String> {
    let secret = Secret::Encoded(secret.split_whitespace().collect()).to_bytes();
    let secret = secret.map_err(|_| anyhow::anyhow!("the second factor's secret is not Base32"))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    Ok(TOTP::new_unchecked(Algorithm::SHA1, 6, 1, 30, secret, None, String::new()).generate(now))
}

async fn sign_in(visitor: &mut Visitor, codes: &[String]) -> Result<()> {
    let step: SignInStep =
        visitor.call("people/sign-in", &[("email", ADMINISTRATOR), ("password", PASSWORD)]).await?;
    ensure!(step == SignInStep::Code, "the password leads to {step:?}");
    let code = codes.first().context("no recovery code")?;
    let step: SignInStep = visitor.call("people/second-factor", &[("code", code)]).await?;
    ensure!(step == SignInStep::Done, "the second factor leads to {step:?}");
    Ok(())
}

/// Redeems the link, sets the owner up and signs in over mutual TLS.
async fn machine(mut owner: Approved, ports: Ports, folder: &Path) -> Result<Machine> {
    let path = owner.download_path.clone();
    let package =
        owner.browser.post_for_bytes(&path, &json!({ "platform": "macos", "password": PASSWORD })).await?;
    let authority = http_client(None)?.get(format!("{}/ca.pem", ports.pages_url())).send().await?;
    let authority = authority.error_for_status()?.bytes().await?;
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let (package_file, authority_file) = (folder.join("machine.p12"), folder.join("ca.pem"));
    fs::write(&package_file, &package)?;
    fs::write(&authority_file, &authority)?;
    let (certificate, tls) = identity::open(&package, PASSWORD, &authority)?;

    let setup = owner.browser.redirected(&format!("{path}/setup")).await?;
    let codes = set_up(&mut owner.browser, &setup, "").await?;
    let mut machine = Visitor::new(http_client(Some((*tls).clone()))?, ports.machines_url());
    let login = Login { username: owner.email.clone(), password: PASSWORD.to_owned() };
    let challenge: Challenge = machine.post("/native/login", &login).await?;
    let code = codes.first().context("no recovery code")?.clone();
    let factor = SecondFactor { challenge: challenge.challenge, code };
    let token: AccessToken = machine.post("/native/verify-2fa", &factor).await?;
    machine.carry(&token.access_token);
    let modes: Vec<ModeSummary> = machine.get("/native/modes").await?;
    Ok(Machine {
        email: owner.email,
        certificate,
        package_file,
        package_password: PASSWORD.to_owned(),
        authority_file,
        tls,
        token: token.access_token,
        modes,
    })
}

/// Every page of the app, with what it takes to see it.
async fn pages(administrator: &Visitor, mut waiting: Approved, machine: &Machine) -> Result<Vec<Page>> {
    let mode = &machine.modes.first().context("a new server has no modes")?.id;
    let setup = waiting.browser.redirected(&format!("{}/setup", waiting.download_path)).await?;
    let (nobody, asked, panel) = (String::new(), waiting.browser.cookies(), administrator.cookies());
    let page = |name, path: &str, cookies: &String| Page {
        name,
        path: path.to_owned(),
        cookies: cookies.clone(),
        on_machines: name == "/sidebar",
    };
    Ok(vec![
        page("/", "/", &nobody),
        page("/request-access", "/request-access", &nobody),
        page("/public/request-status/…", &waiting.status_path, &asked),
        page("/public/download-certs/…", &waiting.download_path, &asked),
        page("/setup/…", &setup, &nobody),
        page("/login", "/login", &nobody),
        page("/certificate-test", "/certificate-test", &nobody),
        page("/sidebar", "/sidebar", &nobody),
        page("/admin", "/admin", &panel),
        page("/admin/requests", "/admin/requests", &panel),
        page("/admin/requests/…", &format!("/admin/requests/{}", waiting.id), &panel),
        page("/admin/certificates", "/admin/certificates", &panel),
        page("/admin/modes", "/admin/modes", &panel),
        page("/admin/modes/…", &format!("/admin/modes/{mode}"), &panel),
        page("/admin/outbox", "/admin/outbox", &panel),
    ])
}

fn path_of(url: &str) -> Result<String> {
    let (_, rest) = url.split_once("://").with_context(|| format!("expected an address, not {url}"))?;
    let (_, path) = rest.split_once('/').with_context(|| format!("expected a path in {url}"))?;
    Ok(format!("/{path}"))
}
