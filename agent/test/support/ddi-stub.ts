import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type ServerOptions, createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  deploymentMessage,
  type Feedback,
  linksOf,
  readFeedback,
  type StubAction,
  type StubCommand,
  type StubComponent,
} from './ddi-messages.js';
import { sendFile } from './served-file.js';

export const TARGET_TOKEN = 'target-token-of-the-test';
export const GATEWAY_TOKEN = 'gateway-token-of-the-test';
const CONTROLLER = 'product-1';
const UNTIL_MS = 20_000;

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A server that speaks DDI v1 with our additions as agent-protocol.md describes them, and an update source besides. */
export class DdiStub {
  readonly seen: Seen[] = [];
  readonly actions = new Map<string, StubAction>();
  readonly commands: StubCommand[] = [];
  readonly events: Record<string, unknown>[] = [];
  attributes: Record<string, string> = {};
  wantsConfigData = true;
  sleep = '00:00:01';
  /** Answers the next requests instead of the real ones. */
  readonly refusals: { status: number; headers?: Record<string, string> }[] = [];
  handOut: string | null = null;
  /** Called while a deployment's feedback is being taken, before it is answered. */
  onFeedback: ((action: StubAction, feedback: Feedback) => void) | null = null;
  readonly valid = new Set([`TargetToken ${TARGET_TOKEN}`, `GatewayToken ${GATEWAY_TOKEN}`]);
  /** The update source: path → content, below /activeupdate/. */
  readonly source = new Map<string, Buffer>();
  readonly #changed = new EventEmitter().setMaxListeners(0);
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #secure: boolean;
  #port = 0;
  #nextId = 1;

  constructor(tls: ServerOptions | null = null) {
    const handler = (request: IncomingMessage, response: ServerResponse): void => void this.#handle(request, response);
    this.#secure = tls !== null;
    this.#server = tls ? createSecureServer(tls, handler) : createServer(handler);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `${this.#secure ? 'https' : 'http'}://localhost:${this.#port}`;
  }

  get #controllerUrl(): string {
    return `${this.url}/DEFAULT/controller/v1/${CONTROLLER}`;
  }

  /** Requests for files of deployments. */
  artifactRequests(): Seen[] {
    return this.seen.filter((one) => one.path.includes('/artifacts/'));
  }

  /** Listens, at the same port as before when it was stopped. */
  async start(): Promise<this> {
    this.#server.listen(this.#port, 'localhost');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  deploy(components: readonly StubComponent[], options: Partial<StubAction> = {}): StubAction {
    const action: StubAction = {
      id: String(this.#nextId++),
      download: 'forced',
      update: 'forced',
      components,
      feedback: [],
      cancelFeedback: [],
      state: 'open',
      version: 1,
      ...options,
    };
    this.actions.set(action.id, action);
    this.touch();
    return action;
  }

  command(type: string, parameters: Record<string, unknown> = {}): StubCommand {
    const command = { id: String(this.#nextId++), type, parameters, feedback: [], open: true };
    this.commands.push(command);
    this.touch();
    return command;
  }

  cancel(action: StubAction): void {
    action.state = 'cancelling';
    this.touch();
  }

  change(action: StubAction, change: Partial<StubAction>): void {
    Object.assign(action, change);
    action.version += 1;
    this.touch();
  }

  touch(): void {
    this.#changed.emit('changed');
  }

  /** Resolves when the condition holds; looked at after everything that happens here. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const limit = AbortSignal.timeout(UNTIL_MS);
    while (!condition()) {
      try {
        await once(this.#changed, 'changed', { signal: limit });
      } catch {
        const last = this.seen.slice(-8).map((one) => `${one.method} ${one.path} ${one.body.slice(0, 300)}`);
        throw new Error(`never happened: ${what}; last requests:\n${last.join('\n')}`);
      }
    }
  }

  async untilClosed(action: { readonly feedback: Feedback[] }): Promise<Feedback> {
    await this.until('a closing feedback', () => action.feedback.some((one) => one.execution === 'closed'));
    return action.feedback.find((one) => one.execution === 'closed') as Feedback;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const body = Buffer.concat(parts).toString();
      const url = new URL(request.url ?? '/', this.url);
      this.seen.push({ method: request.method ?? '', path: url.pathname, headers: request.headers, body });
      const refusal = this.refusals.shift();
      if (refusal) {
        response.writeHead(refusal.status, refusal.headers).end();
      } else if (url.pathname.startsWith('/activeupdate/')) {
        await this.#serveSource(url.pathname.slice('/activeupdate/'.length), request, response);
      } else if (!this.#authorised(request)) {
        response.writeHead(401).end();
      } else {
        await this.#controller(url, request, response, body);
      }
    } catch {
      response.destroy();
    }
    this.touch();
  }

  #authorised(request: IncomingMessage): boolean {
    if (this.valid.has(request.headers.authorization ?? '')) return true;
    const socket = request.socket as TLSSocket;
    return this.#secure && socket.authorized && String(socket.getPeerCertificate().subject?.CN) === CONTROLLER;
  }

  async #controller(url: URL, request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const [, tenant, , , controller, ...rest] = url.pathname.split('/');
    if (tenant !== 'DEFAULT' || controller !== CONTROLLER) return void response.writeHead(404).end();
    const [resource, id, feedback] = rest;
    const method = request.method ?? '';
    if (resource === undefined) return this.#base(request, response);
    if (resource === 'configData' && method === 'PUT') return this.#configData(response, body);
    if (resource === 'events' && method === 'POST') {
      this.events.push(...(JSON.parse(body) as { events: Record<string, unknown>[] }).events);
      return void response.writeHead(200).end();
    }
    if (resource === 'softwaremodules') return this.#artifact(rest, request, response);
    if (resource === 'command') return this.#command(id ?? '', feedback === 'feedback', response, body);
    const action = this.actions.get(id ?? '');
    if (!action) return void response.writeHead(404).end();
    if (resource === 'deploymentBase') {
      if (feedback) return this.#deploymentFeedback(action, response, body);
      if (action.state !== 'open') return void response.writeHead(410).end();
      return json(response, deploymentMessage(action, this.#controllerUrl));
    }
    if (resource === 'cancelAction') {
      if (feedback) return this.#cancelFeedback(action, response, body);
      return json(response, { id: action.id, cancelAction: { stopId: action.id } });
    }
    if (resource === 'confirmationBase') {
      if (!feedback) return json(response, { id: action.id, confirmation: {} });
      const { confirmation } = JSON.parse(body) as { confirmation: string };
      if (confirmation === 'confirmed') action.state = 'open';
      action.feedback.push({ execution: confirmation, finished: 'none', code: 0, details: [] });
      return void response.writeHead(200).end();
    }
    response.writeHead(404).end();
  }

  async #base(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wait = Number(/wait=(\d+)/.exec(String(request.headers.prefer ?? ''))?.[1] ?? 0);
    const limit = AbortSignal.timeout(wait * 1000);
    while (wait > 0 && Object.keys(this.#links()).length === 0 && !limit.aborted && !response.destroyed) {
      await once(this.#changed, 'changed', { signal: limit }).catch(() => undefined);
    }
    const text = JSON.stringify({ config: { polling: { sleep: this.sleep } }, _links: this.#links() });
    const etag = `"${createHash('sha1').update(text).digest('hex')}"`;
    const headers: Record<string, string> = { etag, 'content-type': 'application/hal+json' };
    if (wait > 0) headers['preference-applied'] = 'wait';
    if (this.handOut !== null) headers['x-haishin-target-token'] = this.handOut;
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, headers).end();
    response.writeHead(200, headers).end(text);
  }

  #links(): Record<string, { href: string }> {
    return linksOf(this.#controllerUrl, this);
  }

  #deploymentFeedback(action: StubAction, response: ServerResponse, body: string): void {
    if (['succeeded', 'failed', 'cancelled'].includes(action.state)) return void response.writeHead(410).end();
    const feedback = readFeedback(body);
    action.feedback.push(feedback);
    this.onFeedback?.(action, feedback);
    if (feedback.execution === 'closed') action.state = feedback.finished === 'failure' ? 'failed' : 'succeeded';
    response.writeHead(200).end();
  }

  #cancelFeedback(action: StubAction, response: ServerResponse, body: string): void {
    if (action.state !== 'cancelling') return void response.writeHead(410).end();
    const feedback = readFeedback(body);
    action.cancelFeedback.push(feedback);
    if (feedback.execution === 'closed') action.state = 'cancelled';
    if (feedback.execution === 'rejected') action.state = 'open';
    response.writeHead(200).end();
  }

  #configData(response: ServerResponse, body: string): void {
    const { mode, data } = JSON.parse(body) as { mode: string; data: Record<string, string> };
    this.attributes = mode === 'replace' ? data : { ...this.attributes, ...data };
    this.wantsConfigData = false;
    response.writeHead(200).end();
  }

  #command(id: string, isFeedback: boolean, response: ServerResponse, body: string): void {
    const command = this.commands.find((one) => one.id === id);
    if (!command) return void response.writeHead(404).end();
    if (!isFeedback) {
      const { type, parameters } = command;
      return json(response, { id, command: { type, parameters } });
    }
    if (!command.open) return void response.writeHead(410).end();
    const feedback = readFeedback(body);
    command.feedback.push(feedback);
    if (feedback.execution === 'closed') command.open = false;
    response.writeHead(200).end();
  }

  async #artifact(rest: string[], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id, , component, name] = rest;
    const chunk = this.actions.get(id ?? '')?.components.find((one) => one.component === component);
    const file = chunk?.files.find((one) => one.name === name);
    if (!file) return void response.writeHead(404).end();
    await sendFile(file, request, response);
  }

  async #serveSource(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = this.source.get(path);
    if (!content) return void response.writeHead(404).end();
    await sendFile({ name: path, content }, request, response);
  }
}

/** Publishes entries in the update source: a manifest and one file for each. */
export function publish(
  stub: DdiStub,
  entries: Record<string, { path: string; version: string; content: Buffer }>,
): void {
  const lines = Object.entries(entries).map(([id, { path, version, content }]) => {
    stub.source.set(path, content);
    return `${id}=${id.startsWith('E.') ? 'NAME, ' : ''}${path}, ${version}, ${content.length}`;
  });
  stub.source.set('server.ini', Buffer.from(`[Common]\nVersion=1.0\n[PATTERN]\n${lines.join('\n')}\n`));
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/hal+json' }).end(JSON.stringify(value));
}
