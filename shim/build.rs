//! Declares the commands that the page may call, and makes the icons and the capability part of the program.

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(protocol::desktop::COMMANDS);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        // A build script reports an error by failing.
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}
