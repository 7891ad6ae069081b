// An authenticator app: time-based one-time passwords (RFC 6238), SHA-1, six digits, 30 seconds.
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const STEP_MS = 30_000;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export class Authenticator {
  private readonly key: Buffer;
  private lastStep = 0;

  /** `secret`: Base32 as a person reads it, spaces and case do not matter. */
  constructor(secret: string) {
    this.key = fromBase32(secret);
  }

  /**
   * A code that was not used yet: a server takes each step only once. The step after the current one is
   * used when the current one is spent, as from a telephone whose clock is ahead; beyond that, time is
   * waited for. `ahead`: by how many seconds the server's clock is ahead.
   */
  async code(ahead = 0): Promise<string> {
    const current = () => Math.floor((Date.now() + ahead * 1000) / STEP_MS);
    const step = Math.max(this.lastStep + 1, current());
    while (step > current() + 1) await sleep(STEP_MS - (Date.now() % STEP_MS) + 50);
    this.lastStep = step;
    return this.at(step);
  }

  at(step: number): string {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac("sha1", this.key).update(counter).digest();
    // RFC 4226 §5.3: the last nibble says where the four bytes are.
    const number = mac.readUInt32BE(mac.readUInt8(mac.length - 1) & 0x0f) & 0x7fff_ffff;
    return String(number % 1_000_000).padStart(6, "0");
  }
}

function fromBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text.toUpperCase().replace(/[\s=-]/g, "")) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Error(`not Base32: ${letter}`);
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
      held &= (1 << bits) - 1;
    }
  }
  return Buffer.from(bytes);
}
