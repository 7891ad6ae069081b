// Lets Chromium present a certificate to https://localhost without asking, on any port. The policy is
// removed after the run: it is the machine's, not the test's.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const FILE = "/etc/chromium/policies/managed/ai-workflow-engine-tests.json";
const POLICY = {
  AutoSelectCertificateForUrls: [JSON.stringify({ pattern: "https://localhost", filter: {} })],
};

export default function install() {
  const text = JSON.stringify(POLICY);
  if (process.getuid?.() === 0) {
    mkdirSync(dirname(FILE), { recursive: true });
    writeFileSync(FILE, text);
    return () => rmSync(FILE, { force: true });
  }
  sudo("mkdir", "-p", dirname(FILE));
  sudo("sh", "-c", 'printf %s "$1" > "$2"', "sh", text, FILE);
  return () => sudo("rm", "-f", FILE);
}

function sudo(...command: string[]) {
  const { status, stderr } = spawnSync("sudo", ["-n", ...command], { encoding: "utf8" });
  if (status !== 0)
    throw new Error(`Chromium's policy ${FILE} needs root or sudo without a password: ${stderr}`);
}
