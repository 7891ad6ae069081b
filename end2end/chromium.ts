// The browser under test: Debian's Chromium, as installed.
import { userInfo } from "node:os";

export const chromium = {
  executablePath: "/usr/bin/chromium",
  args: [
    // Nothing but the test may reach the network.
    "--disable-background-networking",
    "--disable-component-update",
    // Chromium's sandbox refuses to run as root.
    ...(userInfo().uid === 0 ? ["--no-sandbox"] : []),
  ],
};
