//! One signed-in person sends pictures, large ones and ones that become large, while another asks a question.

use std::time::{Duration, Instant};

use futures::StreamExt;
use image::{GrayImage, ImageFormat, Luma};
use protocol::native::{AccessToken, Challenge};
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use super::{Measurement, sized};
use crate::client::machine;
use crate::process::{Process, Program};
use crate::seed::{Machine, PASSWORD, Seed};

/// What a person's two pictures may take, received and decoded, in MB.
const MAX_GROWTH: u64 = 700;
/// How long the other person may wait for an answer.
const MAX_WAIT: Duration = Duration::from_mins(1);

struct Person {
    client: Client,
    token: String,
    url: String,
}

impl Person {
    async fn sign_in(process: &Process, machine_of: &Machine, email: &str, authority: &str) -> Self {
        let client = machine(&machine_of.certificate, &machine_of.key, authority);
        let url = format!("https://localhost:{}/native", process.machines);
        let login = json!({ "username": email, "password": PASSWORD });
        let answer = client.post(format!("{url}/login")).json(&login).send().await.unwrap();
        let challenge: Challenge = answer.error_for_status().unwrap().json().await.unwrap();
        let code = json!({ "challenge": challenge.challenge, "code": machine_of.codes[0] });
        let answer = client.post(format!("{url}/verify-2fa")).json(&code).send().await.unwrap();
        let token: AccessToken = answer.error_for_status().unwrap().json().await.unwrap();
        Self { client, token: token.access_token.expose().to_owned(), url: format!("{url}/analyze") }
    }

    /// Returns the answer's status.
    async fn ask(&self, picture: Vec<u8>) -> u16 {
        let form = Form::new().part("image", Part::bytes(picture)).text("context", "what?");
        let request = self.client.post(&self.url).bearer_auth(&self.token).multipart(form);
        let answer = request.timeout(Duration::from_mins(5)).send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 429 || status == 503 {
            assert!(answer.headers().contains_key("retry-after"));
        }
        let _ = answer.bytes().await;
        status
    }
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    GrayImage::from_pixel(width, height, Luma([255])).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_cannot_take_everything_with_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("data")).with("AIWE_LIMITS__ANALYSES_PER_MINUTE", "1000");
    let seed = Seed::open(&program).await;
    seed.administrator().await;
    let machines = [seed.machine("anna@example.org").await, seed.machine("ben@example.org").await];
    seed.close().await;
    let authority = program.must(&["ca", "show"]);
    let process = program.serve().await;
    let anna = Person::sign_in(&process, &machines[0], "anna@example.org", &authority).await;
    let ben = Person::sign_in(&process, &machines[1], "ben@example.org", &authority).await;
    assert_eq!(ben.ask(png(100, 100)).await, 200);

    let measurement = Measurement::start(&process).await;
    // No picture, but as large as one may be: it is received, and then refused.
    let mut large = png(10, 10);
    large.resize(19_900_000, 0);
    let becomes_large = png(8_000, 8_000);
    let pictures: Vec<&[u8]> =
        [vec![large.as_slice(); sized(8, 40)], vec![becomes_large.as_slice(); sized(4, 20)]].concat();
    let count = pictures.len();
    let storm = futures::stream::iter(pictures)
        .map(|picture| anna.ask(picture.to_vec()))
        .buffer_unordered(count)
        .collect::<Vec<_>>();
    let other = async {
        let since = Instant::now();
        (ben.ask(png(800, 600)).await, since.elapsed())
    };
    let (statuses, (status, waited)) = tokio::join!(storm, other);
    let figures = measurement.end(&format!("{count} pictures of one person"), 1.5).await;
    println!("the other person's answer took {} ms", waited.as_millis());
    assert_eq!(status, 200);
    assert!(waited < MAX_WAIT, "{waited:?}");
    assert!(statuses.iter().all(|status| [200, 422, 429, 503].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() >= count / 2, "{statuses:?}");
    assert!(figures.growth() < MAX_GROWTH, "{} MB", figures.growth());
    assert!(figures.ratio() <= 1.5, "{:.2}", figures.ratio());
    assert_eq!(figures.failed, 0);
    assert!(figures.p99 < Duration::from_secs(2), "{:?}", figures.p99);
}
