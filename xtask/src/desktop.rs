//! `cargo xtask desktop`: builds the desktop window and starts it.

use std::os::unix::process::CommandExt;

use crate::failure::{Failure, Outcome};
use crate::places::Places;
use crate::process;
use crate::setup::{Purpose, set_up};

pub fn desktop(places: &Places, arguments: &[String]) -> Outcome {
    let tools = set_up(places, Purpose::Desktop)?;
    process::must(tools.cargo().args(["build", "--package", "shim"]))?;
    let error =
        process::command(places.target().join("debug/shim")).args(process::passed_on(arguments)).exec();
    Err(Failure::new(format!("the desktop window does not start: {error}")))
}
