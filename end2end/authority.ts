// A certificate authority other than the server's, made with OpenSSL.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Identity } from "./machine.ts";
import { run } from "./process.ts";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const DAYS = ["-days", "2"];
const PASSWORD = "a long password";

/** A certificate and its key, files in PEM. */
export interface Issued {
  certificate: string;
  key: string;
}

export class Authority {
  /** Its own certificate, PEM. */
  readonly pem: string;
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.pem = readFileSync(join(folder, "ca.pem"), "utf8");
  }

  /** `subject`: as `openssl req -subj` takes it. */
  static async create(folder: string, subject: string): Promise<Authority> {
    mkdirSync(folder, { recursive: true });
    const files = ["-keyout", join(folder, "ca.key"), "-out", join(folder, "ca.pem")];
    await run("openssl", ["req", "-x509", ...KEY, ...DAYS, ...files, "-subj", subject]);
    return new Authority(folder);
  }

  async issue(name: string, usage: "clientAuth" | "serverAuth"): Promise<Issued> {
    const file = (suffix: string) => join(this.folder, `${name}.${suffix}`);
    writeFileSync(file("ext"), `extendedKeyUsage=${usage}\nsubjectAltName=DNS:${name}\n`);
    const files = ["-keyout", file("key"), "-out", file("csr")];
    await run("openssl", ["req", ...KEY, ...files, "-subj", `/CN=${name}`]);
    const request = ["-req", "-in", file("csr"), "-extfile", file("ext")];
    const signer = ["-CA", join(this.folder, "ca.pem"), "-CAkey", join(this.folder, "ca.key")];
    await run("openssl", ["x509", ...request, ...signer, "-CAcreateserial", ...DAYS, "-out", file("pem")]);
    return { certificate: file("pem"), key: file("key") };
  }

  /** A client's certificate and key, as machines import them. */
  async identity(name: string): Promise<Identity> {
    const { certificate, key } = await this.issue(name, "clientAuth");
    const file = join(this.folder, `${name}.p12`);
    const pair = ["-inkey", key, "-in", certificate];
    await run("openssl", ["pkcs12", "-export", ...pair, "-out", file, "-passout", `pass:${PASSWORD}`]);
    return { p12: readFileSync(file), password: PASSWORD };
  }
}

/** The certificate in a PKCS#12 file, PEM. */
export async function certificateIn({ p12, password }: Identity, folder: string): Promise<string> {
  const file = join(folder, "opened.p12");
  writeFileSync(file, p12);
  const only = ["-clcerts", "-nokeys"];
  return run("openssl", ["pkcs12", "-in", file, "-passin", `pass:${password}`, ...only]);
}
