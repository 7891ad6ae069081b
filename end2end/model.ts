// A model server that speaks OpenAI's chat completions, streamed. What it says, and when, is the test's word alone.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

import { until } from "./process.ts";

/** The part of a request that tests look at. */
interface ChatRequest {
  messages: { content: string | ({ text: string } | { image_url: { url: string } })[] }[];
}

/** A question, and the line on which its answer goes out. */
export class Asked {
  /** Whether the asker closed the connection before the answer was whole. */
  abandoned = false;
  private readonly request: ChatRequest;
  private readonly response: ServerResponse;

  constructor(request: ChatRequest, response: ServerResponse) {
    this.request = request;
    this.response = response;
    response.on("close", () => (this.abandoned = !response.writableEnded));
  }

  get text(): string {
    return this.parts.map((part) => ("text" in part ? part.text : "")).join("");
  }

  get picture(): Buffer {
    const url = this.parts.map((part) => ("image_url" in part ? part.image_url.url : "")).join("");
    return Buffer.from(url.replace(/^data:image\/\w+;base64,/, ""), "base64");
  }

  say(content: string): void {
    this.send({ choices: [{ delta: { content } }] });
  }

  /** The answer is whole. */
  end(): void {
    this.send({ choices: [{ delta: {}, finish_reason: "stop" }] });
    this.send({ choices: [], usage: { prompt_tokens: 40, completion_tokens: 2 } });
    this.response.end("data: [DONE]\n\n");
  }

  /** The connection ends as when the model server dies. */
  breakOff(): void {
    this.response.destroy();
  }

  private get parts() {
    const content = this.request.messages.at(-1)?.content ?? "";
    return typeof content === "string" ? [{ text: content }] : content;
  }

  private send(chunk: unknown): void {
    this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}

export class Model {
  /** Set: every question is refused with this status. */
  refusal: number | undefined;
  private readonly questions: Asked[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer(async (request, response) => {
      if (this.refusal) return void response.writeHead(this.refusal).end();
      const asked = new Asked((await json(request)) as ChatRequest, response);
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      this.questions.push(asked);
    });
  }

  static async start(): Promise<Model> {
    const model = new Model();
    await new Promise<void>((resolve) => model.server.listen(0, "127.0.0.1", resolve));
    return model;
  }

  /** The configuration of a server that asks this model, and shows it the pictures. */
  get settings(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return {
      AIWE_PROVIDERS__0__NAME: "talker",
      AIWE_PROVIDERS__0__KIND: "openai",
      AIWE_PROVIDERS__0__BASE_URL: `http://127.0.0.1:${port}/v1`,
      AIWE_PROVIDERS__0__MODEL: "talker-1",
      AIWE_PROVIDERS__0__VISION: "true",
    };
  }

  /** The next question; waited for. Until the test says something, the asker waits. */
  async asked(): Promise<Asked> {
    const asked = await until(30, () => this.questions.shift());
    if (!asked) throw new Error("nobody asks the model");
    return asked;
  }

  /** From now on nobody can connect. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
