//! Which kind of graphical session this is.

/// Who gives out the screen's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplaySession {
    /// The display server, to every program: X11, Windows, macOS.
    Direct,
    None,
    /// Only a portal, with the user's leave. Programs on its X server (Xwayland) see each other, not the
    /// screen.
    Wayland,
}

impl DisplaySession {
    /// `variable` looks up an environment variable.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        if !cfg!(target_os = "linux") {
            return Self::Direct;
        }
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        match (set("XDG_SESSION_TYPE").as_deref(), set("WAYLAND_DISPLAY"), set("DISPLAY")) {
            (Some("wayland"), _, _) | (_, Some(_), _) => Self::Wayland,
            (_, None, Some(_)) => Self::Direct,
            (_, None, None) => Self::None,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)]) -> DisplaySession {
        DisplaySession::detect(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn an_x_server_inside_wayland_is_still_wayland() {
        assert_eq!(detect(&[("DISPLAY", ":0")]), DisplaySession::Direct);
        assert_eq!(
            detect(&[("DISPLAY", ":0"), ("XDG_SESSION_TYPE", "x11"), ("WAYLAND_DISPLAY", "")]),
            DisplaySession::Direct
        );
        assert_eq!(detect(&[("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0")]), DisplaySession::Wayland);
        assert_eq!(detect(&[("DISPLAY", ":0"), ("XDG_SESSION_TYPE", "wayland")]), DisplaySession::Wayland);
        assert_eq!(detect(&[("XDG_SESSION_TYPE", "tty")]), DisplaySession::None);
    }
}
