//! One command for each thing that a developer or an operator does with a clone: set-up, build, run, test.
//!
//! It has no dependencies, so that it starts within seconds on a machine that has nothing but rustup.

mod bench;
mod desktop;
mod error;
mod fingerprint;
mod pages;
mod paths;
mod process;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

use error::{Error, Result};
use paths::Paths;
use setup::Purpose;

fn usage() -> String {
    format!(
        "\
Usage: cargo xtask <command>

  run [--release] [ARGS…]    Install what is missing, build, and serve. ARGS go to `server serve`;
                             without --data-dir among them, data lives in ./data.
  test [STAGE…]              Install what is missing, lint and test everything; or only the stages named:
                             {stages}
  soak                       Like test, for libraries and server, with the long repetitions and the storms in full.
  bench [NAME…]              Install what is missing, build, and measure beside a peer; or only the named:
                             pages throughput start-up memory revoke redeem issuances reader workflow capture window.
                             Results: target/bench.
  desktop [ARGS…]            Install what is missing, build and start the desktop window with ARGS.
  pages                      Build only what browsers load: WASM, style sheet, static files.
  setup [run|test|desktop|bench]
                             Only install what is missing for that command (default: test).

Set-up uses rustup's own WASM target where it can be downloaded and Debian's packages elsewhere;
XTASK_TOOLCHAIN=rustup or XTASK_TOOLCHAIN=debian insists on one. docs/setup.md lists what is installed and why.",
        stages = test::stages()
    )
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    match dispatch(command, rest) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, rest: &[String]) -> Result<ExitCode> {
    let paths = Paths::find()?;
    match command {
        "run" => run::run(&paths, rest).map(|()| ExitCode::SUCCESS),
        "test" => test::test(&paths, rest),
        "soak" => test::soak(),
        "bench" => bench::bench(&paths, rest).map(|()| ExitCode::SUCCESS),
        "desktop" => desktop::desktop(&paths, rest).map(|()| ExitCode::SUCCESS),
        "pages" => {
            let tools = setup::set_up(&paths, Purpose::Run)?;
            pages::build(&paths, &tools).map(|()| ExitCode::SUCCESS)
        }
        "setup" => {
            let purpose = rest.first().map_or(Ok(Purpose::Test), |name| Purpose::named(name))?;
            setup::set_up(&paths, purpose)?;
            println!("Everything is installed.");
            Ok(ExitCode::SUCCESS)
        }
        "help" | "--help" | "-h" => {
            println!("{}", usage());
            Ok(ExitCode::SUCCESS)
        }
        other => Err(Error::new(format!("there is no command `{other}`\n\n{}", usage()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_and_every_stage_is_named() {
        let benchmarks = include_str!("../../bench/src/benchmarks/mod.rs");
        let names =
            benchmarks.split("Benchmark { name: \"").skip(1).filter_map(|rest| rest.split('"').next());
        let names: Vec<&str> = names.collect();
        assert!(names.contains(&"start-up"), "{names:?}");
        assert!(usage().contains(&format!(" {}.\n", names.join(" "))), "{names:?}");
        assert!(usage().contains(" unit integration "), "{}", usage());
    }
}
