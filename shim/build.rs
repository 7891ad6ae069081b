//! Says which commands the page may call, and makes the icons and the capability part of the program.

fn main() {
    let commands = &[
        "analyze",
        "cancel_analysis",
        "capture_preview",
        "capture_screen",
        "login",
        "logout",
        "modes",
        "session",
        "verify",
    ];
    let manifest = tauri_build::AppManifest::new().commands(commands);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        // A build script speaks by failing.
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}
