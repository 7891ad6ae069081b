//! `cargo xtask desktop`: builds the desktop window and starts it.

use std::os::unix::process::CommandExt;

use crate::error::{Error, Result};
use crate::paths::Paths;
use crate::process;
use crate::setup::{Purpose, set_up};

pub fn desktop(paths: &Paths, arguments: &[String]) -> Result {
    let tools = set_up(paths, Purpose::Desktop)?;
    process::run(tools.cargo().args(["build", "--package", "shim"]))?;
    let error =
        process::command(paths.target().join("debug/shim")).args(process::forwarded(arguments)).exec();
    Err(Error::new(format!("the desktop window does not start: {error}")))
}
