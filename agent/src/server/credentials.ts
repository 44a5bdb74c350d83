import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeFileDurably } from '../files/durable-file.js';

/** On the first contact of a gateway token the server may hand out a token for this agent alone. */
export const TARGET_TOKEN_HEADER = 'x-haishin-target-token';

/**
 * Which token goes into a request: the configured target token, else the one that the server handed out, else the gateway
 * token. With none of them the client certificate has to do.
 */
export class Credentials {
  readonly #configured: string | null;
  readonly #gateway: string | null;
  readonly #path: string;
  #handedOut: string | null = null;

  constructor(options: { targetToken: string | null; gatewayToken: string | null; stateDirectory: string }) {
    this.#configured = options.targetToken;
    this.#gateway = options.gatewayToken;
    this.#path = join(options.stateDirectory, 'target-token');
  }

  async load(): Promise<void> {
    this.#handedOut = (await readIfThere(this.#path))?.trim() || null;
  }

  header(): string | null {
    const target = this.#configured ?? this.#handedOut;
    if (target !== null) return `TargetToken ${target}`;
    return this.#gateway === null ? null : `GatewayToken ${this.#gateway}`;
  }

  async accept(token: string): Promise<void> {
    if (this.#configured !== null || token === this.#handedOut || !/^[\x21-\x7e]{8,512}$/.test(token)) return;
    await writeFileDurably(this.#path, `${token}\n`, 0o600);
    this.#handedOut = token;
  }

  /** A refused token that was handed out is given up, so that the gateway token can enrol again; false: nothing to try. */
  async giveUpRefused(): Promise<boolean> {
    if (this.#configured !== null || this.#handedOut === null || this.#gateway === null) return false;
    await rm(this.#path, { force: true });
    this.#handedOut = null;
    return true;
  }
}
