import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../errors/agent-error.js';
import { readIfThere, writeFileDurably } from '../files/durable-file.js';
import { FileLock } from '../files/file-lock.js';
import { sleep } from '../service/sleep.js';
import { type AgentState, emptyState } from './agent-state.js';

const LOCK_TRIES = 100;
const LOCK_PAUSE_MS = 50;

/**
 * The agent's memory: one JSON file, replaced in one step. The service and a person's command may change it at the same
 * time, so every change is read-modify-write under a short lock.
 */
export class StateStore {
  readonly #path: string;
  readonly #directory: string;
  readonly #lock: FileLock;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(stateDirectory: string) {
    this.#directory = stateDirectory;
    this.#path = join(stateDirectory, 'state.json');
    this.#lock = new FileLock(join(stateDirectory, 'state.lock'), () => undefined);
  }

  /** The state as it stands; a damaged file is put aside, never silently overwritten. */
  async read(): Promise<AgentState> {
    const text = await readIfThere(this.#path);
    if (text === null) return emptyState();
    try {
      const value = JSON.parse(text) as Partial<AgentState>;
      if (value.formatVersion === 1) return { ...emptyState(), ...value };
    } catch {
      // Not JSON: fall through to putting it aside.
    }
    await rename(this.#path, `${this.#path}.damaged`);
    return emptyState();
  }

  /** Applies a change and returns the new state once it is on the disk. */
  update(change: (state: AgentState) => void): Promise<AgentState> {
    const next = this.#queue.then(() => this.#change(change));
    this.#queue = next.catch(() => undefined);
    return next;
  }

  async #change(change: (state: AgentState) => void): Promise<AgentState> {
    await mkdir(this.#directory, { recursive: true, mode: 0o755 });
    const release = await this.#acquire();
    try {
      const state = await this.read();
      const before = JSON.stringify(state);
      change(state);
      if (JSON.stringify(state) !== before) await writeFileDurably(this.#path, `${JSON.stringify(state, null, 1)}\n`);
      return state;
    } finally {
      await release();
    }
  }

  async #acquire(): Promise<() => Promise<void>> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#lock.acquire('writing the state');
      } catch (error) {
        const busy = error instanceof AgentError && error.code === 'update-running';
        if (!busy || attempt === LOCK_TRIES) throw error;
        await sleep(LOCK_PAUSE_MS);
      }
    }
  }
}
