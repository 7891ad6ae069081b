//! What never leaves the machine: windows of excluded programs, titles and kinds. Their pixels are removed from every
//! picture, and their text is not read.
//!
//! What covers an excluded window stays visible, if nothing shows through it. If the windows cannot be listed, or change
//! while the picture is taken, there is no picture.

use image::Rgba;

use crate::Point;
use crate::capture::{CaptureError, Frame, ScreenCapture};
use crate::geometry::Rect;
use crate::windows::{WindowInfo, Windows, WindowsError};

/// How often a picture is taken again because windows moved meanwhile.
const ATTEMPTS: usize = 3;
/// In place of what was removed.
const MASK: Rgba<u8> = Rgba([32, 32, 32, 255]);

/// A kind of window that most people never want to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    LockScreen,
    PasswordManager,
    PrivateBrowsing,
}

impl WindowKind {
    pub const ALL: [Self; 3] = [Self::LockScreen, Self::PasswordManager, Self::PrivateBrowsing];

    /// Programs and titles of this kind, in small letters.
    fn known(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::LockScreen => (
                &[
                    "gnome-screensaver*",
                    "i3lock*",
                    "light-locker*",
                    "slock",
                    "swaylock*",
                    "xlock*",
                    "xscreensaver*",
                    "xsecurelock*",
                ],
                &[],
            ),
            Self::PasswordManager => (
                &[
                    "1password*",
                    "bitwarden*",
                    "dashlane*",
                    "enpass*",
                    "gnome-keyring*",
                    "keepass*",
                    "kwalletmanager*",
                    "org.gnome.world.secrets",
                    "org.keepassxc.keepassxc",
                    "pinentry*",
                    "proton pass*",
                    "qtpass",
                    "seahorse",
                    "secrets",
                ],
                &["*keepassxc*", "*1password*", "*bitwarden*"],
            ),
            Self::PrivateBrowsing => (
                &[],
                &[
                    "*incognito*",
                    "*inkognito*",
                    "*inprivate*",
                    "*navegación privada*",
                    "*navigation privée*",
                    "*private browsing*",
                    "*private window*",
                    "*privater modus*",
                    "*privates fenster*",
                ],
            ),
        }
    }
}

/// A text with `*` for any characters, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_lowercase())
    }

    pub fn matches(&self, text: &str) -> bool {
        matches(&self.0, &text.to_lowercase())
    }
}

/// Without backtracking further than the last star, so time grows with the product of the lengths at most.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusions {
    pub kinds: Vec<WindowKind>,
    /// By class or file name.
    pub programs: Vec<Pattern>,
    pub titles: Vec<Pattern>,
}

impl Default for Exclusions {
    /// All kinds.
    fn default() -> Self {
        Self { kinds: WindowKind::ALL.to_vec(), programs: Vec::new(), titles: Vec::new() }
    }
}

impl Exclusions {
    pub fn excludes(&self, window: &WindowInfo) -> bool {
        let program =
            |pattern: &Pattern| pattern.matches(&window.program) || pattern.matches(&window.executable);
        let known = |kind: &WindowKind| {
            let (programs, titles) = kind.known();
            let names = [window.program.to_lowercase(), window.executable.to_lowercase()];
            let title = window.title.to_lowercase();
            programs.iter().any(|pattern| names.iter().any(|name| matches(pattern, name)))
                || titles.iter().any(|pattern| matches(pattern, &title))
        };
        self.programs.iter().any(program)
            || self.titles.iter().any(|pattern| pattern.matches(&window.title))
            || self.kinds.iter().any(known)
    }

    /// The parts of the screen that show an excluded window. `stacking` is from the bottom to the top.
    ///
    /// Menus and tooltips have no name of their own: those of a process that has an excluded window count as excluded.
    pub fn hidden_parts(&self, stacking: &[WindowInfo]) -> Vec<Rect> {
        let named: Vec<bool> = stacking.iter().map(|window| self.excludes(window)).collect();
        let processes: Vec<u32> = stacking
            .iter()
            .zip(&named)
            .filter(|(_, out)| **out)
            .filter_map(|(window, _)| window.pid)
            .collect();
        let mut hidden: Vec<Rect> = Vec::new();
        for (window, named) in stacking.iter().zip(named) {
            let menu = !window.managed && window.pid.is_some_and(|pid| processes.contains(&pid));
            if named || menu {
                hidden.push(window.frame);
            } else if window.opaque {
                hidden = hidden.iter().flat_map(|rect| rect.without(&window.frame)).collect();
            }
        }
        hidden
    }

    /// Removes the excluded windows from the frame.
    pub fn mask(&self, frame: &mut Frame, stacking: &[WindowInfo]) {
        let (width, height) = frame.pixels.dimensions();
        let all = Rect { x: frame.origin.x, y: frame.origin.y, width, height };
        for part in self.hidden_parts(stacking).iter().filter_map(|rect| rect.intersection(&all)) {
            for y in part.y..part.y.saturating_add_unsigned(part.height) {
                for x in part.x..part.x.saturating_add_unsigned(part.width) {
                    frame.pixels.put_pixel(x.abs_diff(all.x), y.abs_diff(all.y), MASK);
                }
            }
        }
    }

    /// A picture of the monitor that shows `at`, without what is excluded.
    pub fn capture(
        &self,
        windows: &dyn Windows,
        screen: &dyn ScreenCapture,
        at: Option<Point>,
    ) -> Result<Frame, ExclusionError> {
        let mut before = windows.stacking()?;
        for _ in 0..ATTEMPTS {
            let mut frame = screen.capture(at)?;
            let after = windows.stacking()?;
            if before == after {
                self.mask(&mut frame, &after);
                return Ok(frame);
            }
            before = after;
        }
        Err(ExclusionError::Moving)
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("windows changed each time a picture was taken")]
    Moving,
    #[error("the windows to leave out cannot be found")]
    Windows(#[from] WindowsError),
}

#[cfg(test)]
mod tests;
