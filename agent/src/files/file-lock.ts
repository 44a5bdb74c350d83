import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentError, systemCode } from '../errors/agent-error.js';
import { writeSynced } from './durable-file.js';
import { bootId, machineId, processFacts } from './process-identity.js';

export interface LockOwner {
  readonly token: string;
  readonly pid: number;
  readonly uid: number;
  readonly user: string;
  /** From /proc: tells a process from a later one with the same pid. */
  readonly processStart: string | null;
  readonly bootId: string;
  readonly machineId: string;
  readonly host: string;
  /** ISO 8601 UTC; shown to people. Decides nothing, except about locks of other machines. */
  readonly since: string;
  readonly purpose: string;
}

/** A lock of another machine cannot be checked; after this long no update can still be running. */
const FOREIGN_LOCK_MAX_AGE_MS = 24 * 60 * 60 * 1000;
const ATTEMPTS = 5;
const CLEARING_MS = 20;

/**
 * A lock file that says who holds it. A holder that is gone is recognised by pid, process start time and boot; the stale
 * file is explained through `onStale` and cleared.
 */
export class FileLock {
  readonly path: string;
  readonly #onStale: (explanation: string, path: string) => void;

  constructor(path: string, onStale: (explanation: string, path: string) => void) {
    this.path = path;
    this.#onStale = onStale;
  }

  /**
   * Takes the lock; call the result to give it back.
   * @throws AgentError conflict/update-running when a live process holds it; conflict/lock-not-removable
   */
  async acquire(purpose: string): Promise<() => Promise<void>> {
    const owner = currentOwner(purpose);
    const candidate = `${this.path}.${owner.token}`;
    await writeSynced(candidate, `${JSON.stringify(owner)}\n`);
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        if (await linked(candidate, this.path)) return () => this.#release(owner.token);
        await this.#clearIfStale();
      }
    } finally {
      await rm(candidate, { force: true });
    }
    throw new AgentError('conflict', 'update-running', `another process keeps taking the lock ${this.path}`);
  }

  /** Who holds the lock now, or null; a stale holder counts as none. */
  async holder(): Promise<LockOwner | null> {
    const text = await this.#read();
    const owner = text === null ? null : parseOwner(text);
    return owner && staleness(owner) === null ? owner : null;
  }

  async #clearIfStale(): Promise<void> {
    const text = await this.#read();
    if (text === null) return;
    const owner = parseOwner(text);
    const explanation = owner ? staleness(owner) : 'the lock file does not say who holds it';
    if (explanation === null && owner) throw held(owner);
    const done = await this.#clearAlone();
    if (done === null) return;
    try {
      // Whoever cleared before us may have given the lock to somebody who lives.
      if ((await this.#read()) !== text) return;
      await rm(this.path);
      this.#onStale(explanation ?? 'stale', this.path);
    } catch (error) {
      throw error instanceof AgentError ? error : await this.#notRemovable(error);
    } finally {
      await done();
    }
  }

  /** One at a time clears: two that have seen the same stale lock would take away the second time what a third has taken meanwhile. */
  async #clearAlone(): Promise<(() => Promise<void>) | null> {
    try {
      return await new FileLock(`${this.path}.clearing`, () => undefined).acquire('clearing a stale lock');
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'update-running') throw error;
      await delay(CLEARING_MS);
      return null;
    }
  }

  async #release(token: string): Promise<void> {
    const text = await this.#read();
    if (text !== null && parseOwner(text)?.token === token) await rm(this.path, { force: true });
  }

  async #read(): Promise<string | null> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw await this.#notRemovable(error);
    }
  }

  async #notRemovable(error: unknown): Promise<AgentError> {
    const owner = await stat(this.path).then(
      (found) => `uid ${found.uid}`,
      () => 'unknown',
    );
    const message = `the lock ${this.path} (file owner: ${owner}) is stale or unreadable, and this user may not clear it; run as that user or as root`;
    return new AgentError('conflict', 'lock-not-removable', message, undefined, error);
  }
}

function currentOwner(purpose: string): LockOwner {
  const user = userInfo();
  return {
    token: randomUUID(),
    pid: process.pid,
    uid: user.uid,
    user: user.username,
    processStart: processFacts(process.pid).startTime,
    bootId: bootId(),
    machineId: machineId(),
    host: hostname(),
    since: new Date().toISOString(),
    purpose,
  };
}

/** Why the owner cannot be working any more, or null when it may be. */
function staleness(owner: LockOwner): string | null {
  const who = `pid ${owner.pid} of user ${owner.user} (${owner.purpose}, since ${owner.since})`;
  if (owner.machineId !== machineId()) {
    const age = Date.now() - Date.parse(owner.since);
    return Math.abs(age) > FOREIGN_LOCK_MAX_AGE_MS ? `${who} on host ${owner.host} took it more than a day ago` : null;
  }
  if (owner.bootId !== bootId()) return `${who} belongs to an earlier boot of this machine`;
  const { running, startTime } = processFacts(owner.pid);
  if (!running) return `${who} no longer runs`;
  const reused = startTime !== null && owner.processStart !== null && startTime !== owner.processStart;
  return reused ? `${who} has ended; its pid now belongs to another process` : null;
}

function held(owner: LockOwner): AgentError {
  const message = `another process is updating (pid ${owner.pid}, user ${owner.user}, host ${owner.host}, since ${owner.since}: ${owner.purpose})`;
  return new AgentError('conflict', 'update-running', message);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function parseOwner(text: string): LockOwner | null {
  try {
    const value = JSON.parse(text) as Partial<LockOwner> | null;
    const whole = typeof value?.pid === 'number' && typeof value.token === 'string' && typeof value.bootId === 'string';
    return whole ? (value as LockOwner) : null;
  } catch {
    return null;
  }
}
