//! From pressing "Download" to the certificate in hand: where the server makes the key, and where the page does, in a real
//! browser.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use protocol::access::Platform;
use serde::Deserialize;
use tokio::time::sleep;

use super::Environment;
use crate::fixture::{ApprovedRequest, Visitor, request_and_approve};
use crate::programs::{Chromium, RAISED_LIMITS, Server, Session};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 5;
const PASSWORD: &str = "a password for the file";
const TIMEOUT: Duration = Duration::from_secs(10);

/// Waits until the form says that the page makes the key, which it does once it is hydrated.
const WAIT_FOR_HYDRATION: &str = r#"
    const done = arguments[arguments.length - 1];
    (function poll() {
        const form = document.querySelector('form[action^="/public/download-certs/"]');
        if (form?.textContent.includes('made in this page')) done(true);
        else setTimeout(poll, 10);
    })();
"#;

/// Fills in the form, presses the button, and records when the page announces each step, in milliseconds after the press.
const PRESS_DOWNLOAD: &str = r#"
    const [platform, password, done] = arguments;
    const form = document.querySelector('form[action^="/public/download-certs/"]');
    form.elements.platform.value = platform;
    form.elements.password.value = password;
    const button = [...form.querySelectorAll('button')].find((b) => b.textContent.trim() === 'Download');
    const steps = [];
    let last = '';
    const start = performance.now();
    new MutationObserver(() => {
        const now = performance.now() - start;
        const words = form.querySelector('p[role=status]').textContent;
        if (words && words !== last) steps.push(now);
        last = words;
        const error = [...form.querySelectorAll('[role=alert]')].map((a) => a.textContent).join(' ').trim();
        if (form.textContent.includes('is among your downloads')) done({ steps, offered: now });
        else if (error) done({ error });
    }).observe(form, { childList: true, subtree: true, characterData: true });
    button.click();
"#;

/// The result of [`PRESS_DOWNLOAD`].
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PressResult {
    Completed {
        /// When each began: loading the module, asking for the certificate, making the package.
        steps: Vec<f64>,
        offered: f64,
    },
    Failed {
        error: String,
    },
}

/// One redemption, in milliseconds.
struct Timing {
    whole: f64,
    /// Module and key, certificate, package. Empty where the server does it all.
    steps: Vec<f64>,
}

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let (programs, fixture) = (env.programs, env.fixture);
    let data = fixture.data_in(env.folder, "data")?;
    let server = Server::start_with(programs, &data, fixture.ports, None, &RAISED_LIMITS).await?;
    let mut administrator = fixture.administrator()?;
    let chromium = Chromium::start(env.folder).await?;
    let url = fixture.ports.pages_url();
    let mut rows = Vec::new();
    for platform in Platform::ALL {
        let mut timings = Vec::new();
        for run in 0..=RUNS {
            let link = approved_requester(&mut administrator, "server", platform, run).await?;
            timings.push(by_server(link, platform).await?);
        }
        rows.push(row(format!("{}: the server makes the key", platform.label()), &timings));
    }
    for platform in Platform::ALL {
        let mut timings = Vec::new();
        for run in 0..=RUNS {
            let link = approved_requester(&mut administrator, "page", platform, run).await?;
            let downloads = env.folder.join(format!("{}-{run}", platform.as_str()));
            let timing = in_page(&chromium, &url, &link, platform, &downloads).await;
            timings.push(timing.with_context(|| format!("in the page, for {}", platform.label()))?);
        }
        rows.push(row(format!("{}: the page makes the key", platform.label()), &timings));
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

async fn approved_requester(
    administrator: &mut Visitor,
    prefix: &str,
    platform: Platform,
    run: usize,
) -> Result<ApprovedRequest> {
    request_and_approve(administrator, &format!("{prefix}-{}-{run}@example.org", platform.as_str())).await
}

async fn by_server(mut link: ApprovedRequest, platform: Platform) -> Result<Timing> {
    let form = [("platform", platform.as_str()), ("password", PASSWORD)];
    let start = Instant::now();
    let package = link.browser.download(&link.download_path, &form).await?;
    let whole = start.elapsed().as_secs_f64() * 1e3;
    ensure!(!package.is_empty(), "the package is empty");
    Ok(Timing { whole, steps: Vec::new() })
}

async fn in_page(
    chromium: &Chromium,
    url: &str,
    link: &ApprovedRequest,
    platform: Platform,
    downloads: &Path,
) -> Result<Timing> {
    fs::create_dir_all(downloads).with_context(|| format!("making {}", downloads.display()))?;
    let browser = chromium.browser(downloads).await?;
    // Also after a failure: a browser left open would be measured with the next run.
    let timing = press(&browser, url, link, platform, downloads).await;
    browser.close().await;
    timing
}

async fn press(
    browser: &Session,
    url: &str,
    link: &ApprovedRequest,
    platform: Platform,
    downloads: &Path,
) -> Result<Timing> {
    // WebDriver sets cookies only for the host of the open page. This one loads nothing that the page needs.
    browser.navigate_to(&format!("{url}/healthz")).await?;
    for (name, value) in link.browser.jar() {
        browser.add_cookie(name, value).await?;
    }
    browser.navigate_to(&format!("{url}{}", link.download_path)).await?;
    browser.execute(WAIT_FOR_HYDRATION, &[]).await.context("waiting for the page's scripts")?;
    let pressed = browser.execute(PRESS_DOWNLOAD, &[platform.as_str(), PASSWORD]).await?;
    let (steps, offered) =
        match serde_json::from_value(pressed).context("reading the result of the script")? {
            PressResult::Completed { steps, offered } => (steps, offered),
            PressResult::Failed { error } => bail!("the page says: {error}"),
        };
    let [_, keyed, certified] = steps.as_slice() else { bail!("the page announced other steps: {steps:?}") };
    wait_for_download(downloads).await?;
    Ok(Timing { whole: offered, steps: vec![*keyed, certified - keyed, offered - certified] })
}

/// Waits until the browser has written the file.
async fn wait_for_download(downloads: &Path) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        let files = fs::read_dir(downloads).with_context(|| format!("reading {}", downloads.display()))?;
        let whole = |name: &str| !name.starts_with('.') && !name.ends_with(".crdownload");
        if files.flatten().any(|file| file.file_name().to_str().is_some_and(whole)) {
            return Ok(());
        }
        sleep(Duration::from_millis(5)).await;
    }
    bail!("no file came to {} within {} s", downloads.display(), TIMEOUT.as_secs())
}

/// The first run is not counted: afterwards everything that the server reads is in memory.
fn row(name: String, timings: &[Timing]) -> Row {
    let counted = timings.get(1..).unwrap_or_default();
    let figure = |name, runs: Vec<f64>| Spread::of(&runs).map(|spread| Figure::new(name, "ms", spread));
    let step = |index: usize| counted.iter().filter_map(|timing| timing.steps.get(index).copied()).collect();
    let figures = [
        figure("whole", counted.iter().map(|timing| timing.whole).collect()),
        figure("module and key", step(0)),
        figure("certificate", step(1)),
        figure("package", step(2)),
    ];
    Row { name, figures: figures.into_iter().flatten().collect() }
}
