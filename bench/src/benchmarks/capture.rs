//! Screenshots on a screen without a monitor, until the file that is sent.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use desktop::capture::{ScreenCapture, X11Capture};
use desktop::encoded_image::EncodedImage;
use tokio::time::sleep;

use super::Environment;
use crate::programs::{Program, Screen, child_command, on_core};
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

const RUNS: usize = 30;
/// The first runs fill caches.
const WARM_UP: usize = 3;
/// Of one look at whether anything was drawn; a single one is too short to time.
const LOOKS: u32 = 1_000;
/// As [`desktop::encoded_image`] scales down to.
const MAX_PIXELS: u32 = 1920 * 1080;
/// What the text on the screen needs to be drawn.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Width and height, and the goals in milliseconds for a picture and for its file.
const SCREENS: [(u32, u32, f64, f64); 2] = [(1920, 1080, 3.0, 40.0), (3840, 2160, 6.0, 40.0)];
const MAX_LOOK: f64 = 0.1;

pub async fn run(env: &Environment<'_>) -> Result<Vec<Section>> {
    let mut rows = Vec::new();
    for (width, height, max_grab, max_file) in SCREENS {
        let screen = Screen::start(env.folder, width, height).await?;
        let _text = show_text(env, &screen)?;
        sleep(SETTLE_TIME).await;
        let [grab, file, look] = measure(&X11Capture::of(screen.display()))?;
        let name = format!("{width} × {height}");
        rows.push(Row {
            name: name.clone(),
            figures: vec![
                Figure::new("picture", "ms", grab).at_most(max_grab),
                Figure::new("and its file", "ms", file).at_most(max_file),
                Figure::new("nothing has changed", "ms", look).at_most(MAX_LOOK),
            ],
        });
        let peer = peer(env, &screen).await?;
        let figure = |name, of: &str| {
            peer.get(of).and_then(|runs| Spread::of(runs)).map(|spread| Figure::new(name, "ms", spread))
        };
        let figures = [figure("picture", "grab"), figure("and its file", "file")];
        rows.push(Row {
            name: format!("{name}, mss and Pillow"),
            figures: figures.into_iter().flatten().collect(),
        });
    }
    Ok(vec![Section {
        title: "Screenshots on X11, one core".to_owned(),
        rows,
        notes: vec![
            "A terminal full of text on Xvfb. The file: scaled down to 1920 × 1080; ours is a PNG unless that is over 2 MB, \
             the peer's a JPEG."
                .to_owned(),
            "Nothing has changed: told by XDamage without a picture; the peer takes one and compares.".to_owned(),
        ],
    }])
}

/// Of a picture, of one with its file, and of a look at whether another would differ.
fn measure(capture: &X11Capture) -> Result<[Spread; 3]> {
    let (mut grab, mut file, mut look) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..WARM_UP + RUNS {
        let begun = Instant::now();
        let frame = capture.capture(None)?;
        let grabbed = begun.elapsed();
        EncodedImage::from_frame(&frame)?;
        let filed = begun.elapsed();
        let begun = Instant::now();
        let unchanged = (0..LOOKS).filter(|_| capture.is_unchanged()).count();
        let looked = begun.elapsed() / LOOKS;
        ensure!(unchanged == LOOKS as usize, "something moves on the screen");
        if run >= WARM_UP {
            for (runs, time) in [(&mut grab, grabbed), (&mut file, filed), (&mut look, looked)] {
                runs.push(time.as_secs_f64() * 1e3);
            }
        }
    }
    let spread = |runs: &[f64]| Spread::of(runs).context("no run");
    Ok([spread(&grab)?, spread(&file)?, spread(&look)?])
}

fn show_text(env: &Environment<'_>, screen: &Screen) -> Result<Program> {
    let file = env.folder.join("text");
    let line = |n: u32| {
        format!("{n:>6}  the quick brown fox jumps over the lazy dog {}\n", "0123456789 ".repeat(40))
    };
    fs::write(&file, (0..200).map(line).collect::<String>())?;
    let mut terminal = child_command("xterm".as_ref());
    // `+bc`: the cursor does not blink.
    terminal
        .args(["-display", screen.display(), "-geometry", "640x170+0+0", "+bc", "-e", "sh", "-c"])
        .arg(format!("cat '{}'; sleep 600", file.display()));
    Program::start("terminal", &mut terminal, env.folder)
}

async fn peer(env: &Environment<'_>, screen: &Screen) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut command = on_core(env.cores.server, &env.programs.peer_python);
    command.arg(env.programs.peer.join("capture_mss.py")).args([RUNS.to_string(), MAX_PIXELS.to_string()]);
    command.env("DISPLAY", screen.display());
    let mut command = tokio::process::Command::from(command);
    let output = command.stderr(Stdio::inherit()).output().await.context("starting mss")?;
    ensure!(output.status.success(), "mss ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("the figures of mss")
}
