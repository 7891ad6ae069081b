//! One command for each thing that a developer or an operator does with a clone: set-up, build, run, test.
//!
//! Nothing here is needed at run time, and nothing here depends on a crate, so that it starts within seconds
//! on a machine that has nothing but rustup.

mod bench;
mod desktop;
mod failure;
mod fingerprint;
mod pages;
mod places;
mod process;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

use failure::{Failure, Outcome};
use places::Places;
use setup::Purpose;

fn usage() -> String {
    format!(
        "\
Usage: cargo xtask <command>

  run [--release] [ARGS…]    Install what is missing, build, and serve. ARGS go to `server serve`;
                             without --data-dir among them, data lives in ./data.
  test [STAGE…]              Install what is missing, lint and test everything; or only the stages named:
                             {stages}
  soak                       Like test, for libraries and server, with the long repetitions in full.
  bench [NAME…]              Install what is missing, build, and measure beside a peer; or only the named:
                             pages throughput start-up memory revoke redeem issuances window.
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
    match carry_out(command, rest) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: &str, rest: &[String]) -> Outcome<ExitCode> {
    let places = Places::find()?;
    match command {
        "run" => run::run(&places, rest).map(|()| ExitCode::SUCCESS),
        "test" => test::test(&places, rest),
        "soak" => test::soak(),
        "bench" => bench::bench(&places, rest).map(|()| ExitCode::SUCCESS),
        "desktop" => desktop::desktop(&places, rest).map(|()| ExitCode::SUCCESS),
        "pages" => {
            let tools = setup::set_up(&places, Purpose::Run)?;
            pages::build(&places, &tools).map(|()| ExitCode::SUCCESS)
        }
        "setup" => {
            let purpose = rest.first().map_or(Ok(Purpose::Test), |name| Purpose::named(name))?;
            setup::set_up(&places, purpose)?;
            println!("Everything is installed.");
            Ok(ExitCode::SUCCESS)
        }
        "help" | "--help" | "-h" => {
            println!("{}", usage());
            Ok(ExitCode::SUCCESS)
        }
        other => Err(Failure::new(format!("there is no command `{other}`\n\n{}", usage()))),
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
