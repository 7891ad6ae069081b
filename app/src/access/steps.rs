//! How the package is imported on each system, in the terms of its own dialogs.

use leptos::prelude::*;
use protocol::access::Platform;

/// The package's format.
pub fn package(platform: Platform) -> &'static str {
    match platform {
        Platform::Linux => {
            "You get a .zip file: the certificate and its key (.crt, .key, .p12), a script that imports them, and a README."
        }
        Platform::Macos => "You get a .p12 file for Keychain Access.",
        Platform::Windows => "You get a .pfx file. Double-click it to import it.",
    }
}

/// Old versions that cannot read the file and report a wrong password instead.
fn older(platform: Platform) -> Option<&'static str> {
    (platform == Platform::Windows)
        .then_some(" Windows 10 before version 1709 says this of every such file: update it first.")
}

/// A terminal command.
#[component]
fn Command(text: &'static str) -> impl IntoView {
    view! { <code class="rounded-sm bg-sunken px-1.5 py-0.5 font-mono text-sm">{text}</code> }
}

/// The steps after the download.
#[component]
pub fn ImportSteps(platform: Platform) -> impl IntoView {
    let steps = match platform {
        Platform::Linux => view! {
            <li>"Unpack the file: right-click it and choose “Extract Here”."</li>
            <li>
                "Close the browsers, open a terminal in the new folder and run " <Command text="./install.sh" />
                ". It asks for the password and imports the certificate for Chromium, Chrome and Firefox, snaps too. If it \
                 says that certutil is not installed, run " <Command text="sudo apt install libnss3-tools" /> " first."
            </li>
            <li>
                "You can run it again safely. " <Command text="./install.sh --uninstall" />
                " removes everything. The README covers curl and other programs."
            </li>
        }
        .into_any(),
        Platform::Macos => view! {
            <li>"Double-click the file. Keychain Access opens; choose the “login” keychain."</li>
            <li>"Enter the password you chose here."</li>
            <li>"When the browser first uses the certificate, macOS asks for your Mac password. Choose “Always Allow”."</li>
        }
        .into_any(),
        Platform::Windows => view! {
            <li>"Double-click the file. Leave “Current User” as it is and choose Next twice."</li>
            <li>"Enter the password you chose here and choose Next."</li>
            <li>"Leave “Automatically select the certificate store” as it is, then choose Next and Finish."</li>
        }
        .into_any(),
    };
    view! {
        <ol class="list-decimal space-y-2 pl-5">
            {steps}
            <li>
                "“Wrong password”? Use the one you chose here, not your sign-in or computer password. Check Caps Lock and the \
                 keyboard language." {older(platform)}
            </li>
            <li>"Close every browser window and open the browser again: it reads certificates when it starts."</li>
            <li>"Delete the downloaded file. It contains your key, and the server has no copy."</li>
        </ol>
    }
}
