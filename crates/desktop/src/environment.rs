//! Settings that the window system's libraries read from the environment when they start.
//!
//! Changing the environment of a running process is not safe, so the program executes itself again with the right one, in
//! the same process. What the user has set stays.

use std::ffi::OsString;
use std::path::Path;

/// The variables to add before any window can be made.
///
/// Native Wayland lets no program place its window or keep it above others, so the sidebar uses the X server
/// that Wayland desktops have as well (Xwayland). NVIDIA's driver shows WebKit's DMA-BUF surfaces as an empty window.
fn missing(variable: impl Fn(&str) -> Option<OsString>, nvidia: bool) -> Vec<(&'static str, &'static str)> {
    let mut missing = Vec::new();
    if variable("WAYLAND_DISPLAY").is_some() && variable("GDK_BACKEND").is_none() {
        missing.push(("GDK_BACKEND", "x11"));
    }
    if nvidia && variable("WEBKIT_DISABLE_DMABUF_RENDERER").is_none() {
        missing.push(("WEBKIT_DISABLE_DMABUF_RENDERER", "1"));
    }
    missing
}

/// Returns when the environment is right. If the program cannot be executed again, it goes on as it is.
pub fn prepare() {
    use std::os::unix::process::CommandExt;

    let missing = missing(|name| std::env::var_os(name), Path::new("/proc/driver/nvidia/version").exists());
    if missing.is_empty() {
        return;
    }
    match std::env::current_exe() {
        Ok(program) => {
            let error =
                std::process::Command::new(program).args(std::env::args_os().skip(1)).envs(missing).exec();
            tracing::warn!(%error, "the program could not be executed again for this display");
        }
        Err(error) => tracing::warn!(%error, "the program's own file cannot be found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_with(set: &[&str], nvidia: bool) -> Vec<&'static str> {
        let variable = |name: &str| set.contains(&name).then(|| OsString::from("x"));
        missing(variable, nvidia).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn adds_what_is_missing_and_then_no_more() {
        assert_eq!(missing_with(&["DISPLAY"], false), [""; 0]);
        assert_eq!(
            missing_with(&["WAYLAND_DISPLAY"], true),
            ["GDK_BACKEND", "WEBKIT_DISABLE_DMABUF_RENDERER"]
        );
        assert_eq!(missing_with(&["WAYLAND_DISPLAY", "GDK_BACKEND"], false), [""; 0]);
        assert_eq!(missing_with(&["WEBKIT_DISABLE_DMABUF_RENDERER"], true), [""; 0]);
    }
}
