//! From pressing "Download" to the certificate in hand: where the server makes the key, and where the page does, in a real
//! browser.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use protocol::access::Platform;
use serde::Deserialize;
use tokio::time::sleep;

use super::Setting;
use crate::house::{Approved, Visitor, approved};
use crate::programs::{Chromium, HARDLY_LIMITED, Server, Session};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 5;
const PASSWORD: &str = "a password for the file";
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until the form says that the page makes the key: it says so once its scripts run.
const AWAKE: &str = r#"
    const done = arguments[arguments.length - 1];
    (function look() {
        const form = document.querySelector('form[action^="/public/download-certs/"]');
        if (form?.textContent.includes('made in this page')) done(true);
        else setTimeout(look, 10);
    })();
"#;

/// Fills the form in, presses the button, and notes when the page tells what, in milliseconds after the press.
const PRESS: &str = r#"
    const [platform, password, done] = arguments;
    const form = document.querySelector('form[action^="/public/download-certs/"]');
    form.elements.platform.value = platform;
    form.elements.password.value = password;
    const button = [...form.querySelectorAll('button')].find((b) => b.textContent.trim() === 'Download');
    const told = [];
    let last = '';
    const start = performance.now();
    new MutationObserver(() => {
        const now = performance.now() - start;
        const words = form.querySelector('p[role=status]').textContent;
        if (words && words !== last) told.push(now);
        last = words;
        const trouble = [...form.querySelectorAll('[role=alert]')].map((a) => a.textContent).join(' ').trim();
        if (form.textContent.includes('is among your downloads')) done({ told, offered: now });
        else if (trouble) done({ trouble });
    }).observe(form, { childList: true, subtree: true, characterData: true });
    button.click();
"#;

/// What [`PRESS`] gives.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Pressed {
    Offered {
        /// When each began: loading the module, asking for the certificate, making the package.
        told: Vec<f64>,
        offered: f64,
    },
    Failed {
        trouble: String,
    },
}

/// One way through, in milliseconds.
struct Way {
    whole: f64,
    /// Module and key, certificate, package. Empty where the server does it all.
    steps: Vec<f64>,
}

pub async fn run(setting: &Setting<'_>) -> Result<Vec<Section>> {
    let (programs, house) = (setting.programs, setting.house);
    let data = house.data_in(setting.folder, "data")?;
    let server = Server::start_with(programs, &data, house.ports, None, &HARDLY_LIMITED).await?;
    let mut administrator = house.administrator()?;
    let chromium = Chromium::start(setting.folder).await?;
    let url = house.ports.pages_url();
    let mut rows = Vec::new();
    for platform in Platform::ALL {
        let mut ways = Vec::new();
        for run in 0..=RUNS {
            let link = someone(&mut administrator, "server", platform, run).await?;
            ways.push(by_server(link, platform).await?);
        }
        rows.push(row(format!("{}: the server makes the key", platform.label()), &ways));
    }
    for platform in Platform::ALL {
        let mut ways = Vec::new();
        for run in 0..=RUNS {
            let link = someone(&mut administrator, "page", platform, run).await?;
            let downloads = setting.folder.join(format!("{}-{run}", platform.as_str()));
            let way = in_page(&chromium, &url, &link, platform, &downloads).await;
            ways.push(way.with_context(|| format!("in the page, for {}", platform.label()))?);
        }
        rows.push(row(format!("{}: the page makes the key", platform.label()), &ways));
    }
    server.program.stop().await?;
    Ok(vec![Section {
        title: "From pressing Download to the package with key and certificate".to_owned(),
        rows,
        notes: vec![
            "The server makes the key: from sending the form until the whole file is there, without a browser.".to_owned(),
            "The page makes the key: in Chromium, from the button's press until the page says that the file is among the \
             downloads. Each time a browser that has never been there: module and key hold fetching and compiling the \
             module. The page waits 30 ms before it packs, so that what it says is drawn first."
                .to_owned(),
            "On all cores, server and browser together; nothing lies between them. Limits were raised for so many \
             requests from one address."
                .to_owned(),
        ],
    }])
}

async fn someone(administrator: &mut Visitor, way: &str, platform: Platform, run: usize) -> Result<Approved> {
    approved(administrator, &format!("{way}-{}-{run}@example.org", platform.as_str())).await
}

async fn by_server(mut link: Approved, platform: Platform) -> Result<Way> {
    let form = [("platform", platform.as_str()), ("password", PASSWORD)];
    let start = Instant::now();
    let package = link.browser.download(&link.download_path, &form).await?;
    let whole = start.elapsed().as_secs_f64() * 1e3;
    ensure!(!package.is_empty(), "the package is empty");
    Ok(Way { whole, steps: Vec::new() })
}

async fn in_page(
    chromium: &Chromium,
    url: &str,
    link: &Approved,
    platform: Platform,
    downloads: &Path,
) -> Result<Way> {
    fs::create_dir_all(downloads).with_context(|| format!("making {}", downloads.display()))?;
    let browser = chromium.browser(downloads).await?;
    // Also where something fails: a browser left open would be measured with the next.
    let way = press(&browser, url, link, platform, downloads).await;
    browser.close().await;
    way
}

async fn press(
    browser: &Session,
    url: &str,
    link: &Approved,
    platform: Platform,
    downloads: &Path,
) -> Result<Way> {
    // Cookies can be given only for a host that is open; this address brings nothing that the page needs.
    browser.go_to(&format!("{url}/healthz")).await?;
    for (name, value) in link.browser.jar() {
        browser.give_cookie(name, value).await?;
    }
    browser.go_to(&format!("{url}{}", link.download_path)).await?;
    browser.run(AWAKE, &[]).await.context("waiting for the page's scripts")?;
    let pressed = browser.run(PRESS, &[platform.as_str(), PASSWORD]).await?;
    let (told, offered) = match serde_json::from_value(pressed).context("reading what the page told")? {
        Pressed::Offered { told, offered } => (told, offered),
        Pressed::Failed { trouble } => bail!("the page says: {trouble}"),
    };
    let [_, keyed, certified] = told.as_slice() else { bail!("the page told other steps: {told:?}") };
    saved(downloads).await?;
    Ok(Way { whole: offered, steps: vec![*keyed, certified - keyed, offered - certified] })
}

/// Waits until the browser has written the file.
async fn saved(downloads: &Path) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let files = fs::read_dir(downloads).with_context(|| format!("reading {}", downloads.display()))?;
        let whole = |name: &str| !name.starts_with('.') && !name.ends_with(".crdownload");
        if files.flatten().any(|file| file.file_name().to_str().is_some_and(whole)) {
            return Ok(());
        }
        sleep(Duration::from_millis(5)).await;
    }
    bail!("no file came to {} within {} s", downloads.display(), PATIENCE.as_secs())
}

/// The first way is not counted: what server and disk have to read is in memory afterwards.
fn row(name: String, ways: &[Way]) -> Row {
    let counted = ways.get(1..).unwrap_or_default();
    let figure = |name, runs: Vec<f64>| Spread::of(&runs).map(|spread| Figure::new(name, "ms", spread));
    let step = |index: usize| counted.iter().filter_map(|way| way.steps.get(index).copied()).collect();
    let figures = [
        figure("whole", counted.iter().map(|way| way.whole).collect()),
        figure("module and key", step(0)),
        figure("certificate", step(1)),
        figure("package", step(2)),
    ];
    Row { name, figures: figures.into_iter().flatten().collect() }
}
