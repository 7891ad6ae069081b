// A model server with OpenAI's streamed chat completions. The test decides what it answers, and when.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

import { until } from "./process.ts";

/** The part of a request that tests look at. */
interface ChatRequest {
  messages: { content: string | ({ text: string } | { image_url: { url: string } })[] }[];
}

/** A question, and the response stream for its answer. */
export class Question {
  /** Whether the client closed the connection before the answer was complete. */
  disconnected = false;
  private readonly request: ChatRequest;
  private readonly response: ServerResponse;

  constructor(request: ChatRequest, response: ServerResponse) {
    this.request = request;
    this.response = response;
    response.on("close", () => (this.disconnected = !response.writableEnded));
  }

  get text(): string {
    return this.parts.map((part) => ("text" in part ? part.text : "")).join("");
  }

  /** What was asked and answered before in the conversation. */
  get turns(): unknown[] {
    return this.request.messages.slice(1, -1).map((message) => message.content);
  }

  /** What the server told the model beside the question. */
  get system(): string {
    const content = this.request.messages[0]?.content ?? "";
    return typeof content === "string" ? content : content.map((part) => ("text" in part ? part.text : "")).join("");
  }

  get picture(): Buffer {
    const url = this.parts.map((part) => ("image_url" in part ? part.image_url.url : "")).join("");
    return Buffer.from(url.replace(/^data:image\/\w+;base64,/, ""), "base64");
  }

  say(content: string): void {
    this.send({ choices: [{ delta: { content } }] });
  }

  /** Completes the answer. */
  end(): void {
    this.send({ choices: [{ delta: {}, finish_reason: "stop" }] });
    this.send({ choices: [], usage: { prompt_tokens: 40, completion_tokens: 2 } });
    this.response.end("data: [DONE]\n\n");
  }

  /** Closes the connection, as when the model server crashes. */
  abort(): void {
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
  errorStatus: number | undefined;
  private readonly questions: Question[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer(async (request, response) => {
      // The server also asks what models there are.
      if (!request.url?.endsWith("/chat/completions")) return void response.writeHead(404).end();
      if (this.errorStatus) return void response.writeHead(this.errorStatus).end();
      const question = new Question((await json(request)) as ChatRequest, response);
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      this.questions.push(question);
    });
  }

  static async start(): Promise<Model> {
    const model = new Model();
    await new Promise<void>((resolve) => model.server.listen(0, "127.0.0.1", resolve));
    return model;
  }

  /** The configuration of a server that uses this model, with images. */
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

  /** Waits for the next question. The client waits until the test answers. */
  async nextQuestion(): Promise<Question> {
    const question = await until(30, () => this.questions.shift());
    if (!question) throw new Error("the model got no question");
    return question;
  }

  /** From now on nobody can connect. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
