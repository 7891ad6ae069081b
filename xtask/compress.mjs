// Puts a brotli and a gzip copy beside each text or WASM file of a folder, so that the server compresses
// nothing while it serves. A copy that is newer than its file is left alone; one without its file goes.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const WORTH_IT = new Set([
  ".css",
  ".html",
  ".ico",
  ".js",
  ".json",
  ".mjs",
  ".svg",
  ".txt",
  ".wasm",
  ".webmanifest",
]);
const COPIES = {
  ".br": (bytes) =>
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  ".gz": (bytes) => gzipSync(bytes, { level: 9 }),
};

function isFresh(copy, file) {
  return existsSync(copy) && statSync(copy).mtimeMs >= statSync(file).mtimeMs;
}

function compress(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) compress(path);
    else if (extname(path) in COPIES && !existsSync(path.slice(0, -3))) rmSync(path);
    else if (WORTH_IT.has(extname(path))) {
      for (const [suffix, pack] of Object.entries(COPIES)) {
        if (!isFresh(path + suffix, path)) writeFileSync(path + suffix, pack(readFileSync(path)));
      }
    }
  }
}

compress(process.argv[2]);
