// A real Caddy with the project's own Caddyfile, everything in it set through its environment.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Authority } from "./authority.ts";
import { Program, until } from "./process.ts";
import { freePort } from "./server.ts";

/** What Caddy and the server behind it share. */
export const SECRET = "a secret between proxy and server, for tests";
const MACHINES_HOST = "localhost";
const PAGES_HOST = "pages.localhost";

interface Upstreams {
  pages: string;
  machines: string;
}

export class Caddy {
  /** The listener for machines. */
  readonly machines: string;
  /** Of both hosts' certificates, PEM. */
  readonly authority: string;
  private readonly program: Program;
  private readonly socketFolder: string;

  private constructor(program: Program, socketFolder: string, machines: string, authority: string) {
    this.program = program;
    this.socketFolder = socketFolder;
    this.machines = machines;
    this.authority = authority;
  }

  /** In front of a server's two plain listeners (`127.0.0.1:…`), with machines on `port`. */
  static async start(folder: string, port: number, upstreams: Upstreams): Promise<Caddy> {
    const binary = process.env.END2END_CADDY;
    if (!binary)
      throw new Error("END2END_CADDY is not set; start these tests with `cargo xtask test browser`");
    mkdirSync(folder, { recursive: true });
    const authority = await Authority.create(join(folder, "sites"), "/CN=An authority that browsers know");
    const site = async (host: string) => {
      const { certificate, key } = await authority.issue(host, "serverAuth");
      return `${certificate} ${key}`;
    };
    // Not in `folder`: the path of a socket must be short.
    const socketFolder = mkdtempSync(join(tmpdir(), "aiwe-caddy-"));
    const caddyfile = join(import.meta.dirname, "../Caddyfile");
    const program = new Program(binary, ["run", "--adapter", "caddyfile", "--config", caddyfile], {
      env: {
        HOME: folder,
        CADDY_ADMIN: `unix/${join(socketFolder, "admin.sock")}`,
        EDGE_BIND: "127.0.0.1",
        EDGE_HTTP_PORT: String(await freePort()),
        EDGE_HTTPS_PORT: String(port),
        EDGE_PAGES_HOST: PAGES_HOST,
        EDGE_PAGES_TLS: await site(PAGES_HOST),
        EDGE_PAGES_UPSTREAM: upstreams.pages,
        EDGE_MACHINES_HOST: MACHINES_HOST,
        EDGE_MACHINES_TLS: await site(MACHINES_HOST),
        EDGE_MACHINES_UPSTREAM: upstreams.machines,
        AIWE_PROXY__SECRET: SECRET,
      },
    });
    const serves = () => (program.errors.includes("serving initial configuration") ? true : undefined);
    if (!(await until(20, serves))) throw new Error(`Caddy does not serve after 20 s: ${program.report()}`);
    return new Caddy(program, socketFolder, `https://${MACHINES_HOST}:${port}`, authority.pem);
  }

  async stop(): Promise<void> {
    await this.program.stop();
    rmSync(this.socketFolder, { recursive: true });
  }
}
