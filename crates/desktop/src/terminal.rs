//! Which windows are terminals: there, a line feed runs what was typed, and other keys paste.

use crate::windows::WindowInfo;

/// Classes and file names, in small letters.
const TERMINALS: &[&str] = &[
    "alacritty",
    "com.mitchellh.ghostty",
    "foot",
    "ghostty",
    "gnome-terminal",
    "gnome-terminal-server",
    "guake",
    "kgx",
    "kitty",
    "konsole",
    "lxterminal",
    "mate-terminal",
    "org.gnome.console",
    "org.gnome.ptyxis",
    "org.kde.konsole",
    "org.wezfurlong.wezterm",
    "ptyxis",
    "qterminal",
    "rxvt",
    "st",
    "st-256color",
    "terminator",
    "tilix",
    "urxvt",
    "uxterm",
    "wezterm",
    "wezterm-gui",
    "xfce4-terminal",
    "xterm",
    "yakuake",
];

pub fn is_terminal(window: &WindowInfo) -> bool {
    [&window.program, &window.executable]
        .iter()
        .any(|name| TERMINALS.binary_search(&name.to_lowercase().as_str()).is_ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_sorted_for_the_binary_search() {
        assert!(super::TERMINALS.is_sorted());
    }
}
