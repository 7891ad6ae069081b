//! How many bytes a first visit to each page loads, by kind: uncompressed, and with Brotli.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, COOKIE};

use super::Environment;
use super::throughput::BROWSER;
use crate::fixture::Page;
use crate::http_client::http_client;
use crate::programs::Server;
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

/// The usual quality of compression on the fly.
const QUALITY: u32 = 5;
/// What a first visit to a public page may bring, with Brotli, in bytes.
const GOAL: f64 = 150_000.0;
/// What the download page loads when a key is to be made, and not before.
const KEY_MODULE: [&str; 2] = ["/pkg/aiwe-keys.js", "/pkg/aiwe-keys_bg.wasm"];
const KINDS: [&str; 5] = ["HTML", "CSS", "JS", "WASM", "icons"];

/// One file.
#[derive(Debug, Clone, Copy)]
struct TransferSize {
    raw: f64,
    brotli: f64,
    /// Whether the server itself compressed it.
    sent: bool,
}

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let fixture = env.fixture;
    let data = fixture.data_in(env.folder, "data")?;
    let server = Server::start(env.programs, &data, fixture.ports, None).await?;
    let mut fetcher = Fetcher {
        pages: http_client(None)?,
        machines: http_client(Some((*fixture.machine.tls).clone()))?,
        urls: (fixture.ports.pages_url(), fixture.ports.machines_url()),
        files: BTreeMap::new(),
    };
    let (mut raw, mut brotli, mut uncompressed) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut heaviest = ("", 0.0);
    for page in &fixture.pages {
        let all = fetcher.visit(page).await.with_context(|| format!("opening {}", page.name))?;
        uncompressed.extend(all.iter().filter(|(_, size)| !size.sent).map(|(kind, _)| *kind));
        raw.push(row(page, &all, |size| size.raw));
        brotli.push(row(page, &all, |size| size.brotli));
        let sum = all.iter().map(|(_, size)| size.brotli).sum();
        if page.is_public() && sum > heaviest.1 {
            heaviest = (page.name, sum);
        }
    }
    let mut key_module = 0.0;
    for path in KEY_MODULE {
        key_module +=
            fetcher.fetch(path, "", false).await.with_context(|| format!("fetching {path}"))?.1.brotli;
    }
    server.program.stop().await?;
    let note = if uncompressed.is_empty() {
        "All as the server sends it.".to_owned()
    } else {
        let kinds = uncompressed.into_iter().collect::<Vec<_>>().join(", ");
        format!("Not compressed by the server, here by Brotli at quality {QUALITY}: {kinds}.")
    };
    let section = |title: &str, rows, notes| Section { title: title.to_owned(), rows, notes };
    Ok(vec![
        section("Bytes of a first visit, as they are", raw, Vec::new()),
        section("Bytes of a first visit, with Brotli", brotli, vec![note]),
        section(
            "A first visit to the public pages beside its goal, with Brotli",
            vec![
                goal_row(format!("the heaviest, {}", heaviest.0), heaviest.1),
                Row {
                    name: "the module that makes keys".to_owned(),
                    figures: vec![kilobytes("all", key_module)],
                },
            ],
            vec!["The module is loaded when Download is pressed; the goal does not count it.".to_owned()],
        ),
    ])
}

struct Fetcher {
    pages: Client,
    machines: Client,
    urls: (String, String),
    /// Files that pages share, by path.
    files: BTreeMap<String, TransferSize>,
}

impl Fetcher {
    /// The page and every file that it links.
    async fn visit(&mut self, page: &Page) -> Result<Vec<(&'static str, TransferSize)>> {
        let (html, size) = self.fetch(&page.path, &page.cookies, page.on_machines).await?;
        let mut all = vec![("HTML", size)];
        for (path, kind) in linked_files(&String::from_utf8(html)?) {
            let size = match self.files.get(&path) {
                Some(size) => *size,
                None => self.fetch(&path, "", page.on_machines).await?.1,
            };
            self.files.insert(path, size);
            all.push((kind, size));
        }
        ensure!(all.iter().any(|(kind, _)| *kind == "CSS"), "it links no style sheet");
        Ok(all)
    }

    async fn fetch(&self, path: &str, cookies: &str, on_machines: bool) -> Result<(Vec<u8>, TransferSize)> {
        let (client, url) =
            if on_machines { (&self.machines, &self.urls.1) } else { (&self.pages, &self.urls.0) };
        let get = async |coding: &str| {
            let mut request = client.get(format!("{url}{path}"));
            for (name, value) in BROWSER.iter().filter(|(name, _)| *name != "Accept-Encoding") {
                request = request.header(*name, *value);
            }
            request = request.header(ACCEPT_ENCODING, coding);
            if !cookies.is_empty() {
                request = request.header(COOKIE, cookies);
            }
            let answer = request.send().await?;
            let status = answer.status();
            let compressed = answer.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding == "br");
            let bytes = answer.bytes().await?.to_vec();
            if status != 200 {
                bail!("expected 200 but got {status}: {}", String::from_utf8_lossy(&bytes));
            }
            Ok((bytes, compressed))
        };
        let (raw, _) = get("identity").await?;
        let (answer, sent) = get("br").await?;
        let brotli = if sent { answer.len() } else { compressed(&raw)? };
        let size = TransferSize { raw: raw.len() as f64, brotli: brotli as f64, sent };
        Ok((raw, size))
    }
}

fn row(page: &Page, all: &[(&'static str, TransferSize)], of: fn(&TransferSize) -> f64) -> Row {
    let sum = |chosen: Option<&str>| {
        let some = all.iter().filter(|(kind, _)| chosen.is_none_or(|chosen| *kind == chosen));
        Spread::exact(some.map(|(_, size)| of(size)).sum())
    };
    let mut figures: Vec<Figure> = KINDS.iter().map(|kind| Figure::new(kind, "", sum(Some(kind)))).collect();
    figures.push(Figure::new("all", "", sum(None)));
    Row { name: page.name.to_owned(), figures }
}

fn goal_row(name: String, bytes: f64) -> Row {
    let share = Figure::new("of the goal", "%", Spread::exact(bytes / GOAL * 100.0));
    let all = kilobytes("all", bytes).at_most(GOAL / 1e3);
    Row { name, figures: vec![all, kilobytes("goal", GOAL), share] }
}

fn kilobytes(name: &'static str, bytes: f64) -> Figure {
    Figure::new(name, "kB", Spread::exact(bytes / 1e3))
}

/// The files on this server whose paths stand between quotation marks, with their kinds.
fn linked_files(html: &str) -> BTreeMap<String, &'static str> {
    let paths = html.split(['"', '\'']).filter(|text| text.starts_with('/'));
    paths.filter_map(|path| Some((path.to_owned(), kind(path)?))).collect()
}

fn kind(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "css" => Some("CSS"),
        "ico" | "svg" | "png" => Some("icons"),
        "js" | "mjs" => Some("JS"),
        "wasm" => Some("WASM"),
        _ => None,
    }
}

fn compressed(bytes: &[u8]) -> Result<usize> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, QUALITY, 22);
    std::io::Write::write_all(&mut writer, bytes)?;
    drop(writer);
    Ok(packed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_a_page_links_are_found_and_nothing_else() {
        let html = r#"<link href="/pkg/a.css"><link rel="modulepreload" href="/pkg/a.js">
            <script>import("/pkg/a.js"); load('/pkg/a_bg.wasm')</script><a href="/login">a.css</a>
            <link href="https://elsewhere.example/x.css"><svg viewBox="0 0 1 1">"#;
        assert_eq!(
            linked_files(html).into_keys().collect::<Vec<_>>(),
            ["/pkg/a.css", "/pkg/a.js", "/pkg/a_bg.wasm"]
        );
    }

    #[test]
    fn repetition_compresses() {
        assert!(compressed(&[b'x'; 10_000]).unwrap() < 100);
    }

    #[test]
    fn a_page_over_the_goal_is_reported() {
        let missed = |bytes| {
            let rows = vec![goal_row("heaviest".to_owned(), bytes)];
            Section { title: "pages".to_owned(), rows, notes: Vec::new() }.missed().len()
        };
        assert_eq!((missed(GOAL), missed(GOAL + 1.0)), (0, 1));
    }

    #[test]
    fn kinds_add_up_to_all() {
        let page = Page { name: "/", path: "/".into(), cookies: String::new(), on_machines: false };
        let file = |raw| TransferSize { raw, brotli: 1.0, sent: true };
        let row = row(&page, &[("HTML", file(10.0)), ("JS", file(5.0)), ("JS", file(6.0))], |size| size.raw);
        let figures: Vec<_> = row.figures.iter().map(|figure| (figure.name, figure.spread.median)).collect();
        assert_eq!(
            figures,
            [("HTML", 10.0), ("CSS", 0.0), ("JS", 11.0), ("WASM", 0.0), ("icons", 0.0), ("all", 21.0)]
        );
    }
}
