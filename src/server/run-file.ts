import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fateOf, thisProcess } from '../platform/process/process-mark.js';

/** What commands on this host need to find the server of a data directory and to talk to it. */
export interface RunFacts {
  pid: number;
  http: string | null;
  https: string | null;
  token: string | null;
  /** SHA-256 fingerprint of the certificate behind `https`, as Node writes it: the one that these commands trust. */
  certificate: string | null;
}

/** As it stands in the file; the mark tells whether its process still runs. */
type Entry = RunFacts & { mark: { place?: string | null; token: string } };

const LOOK_MS = 5_000;

export function runFilePath(dataDir: string): string {
  return join(dataDir, 'run', 'server.json');
}

/**
 * The file with these facts, readable for the server's account only, from when the server is ready to its end. Several servers may
 * share the directory: the last to come has the file, and when it has gone another one takes it.
 */
export class RunFile {
  /** Without them the file is that of another server, which runs on this directory. */
  private facts: RunFacts | null = null;
  private turn: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private readonly path: string;

  constructor(dataDir: string) {
    this.path = runFilePath(dataDir);
  }

  write(facts: RunFacts): Promise<void> {
    this.facts = facts;
    this.timer ??= setInterval(() => void this.takeOver().catch(() => undefined), LOOK_MS).unref();
    return this.inTurn(() => this.replace(facts));
  }

  /** Writes a change of some of them; nothing before the file is there or after its end. */
  async change(facts: Partial<RunFacts>): Promise<void> {
    if (this.facts !== null) await this.write({ ...this.facts, ...facts });
  }

  /** Writes it again where the server that had it has gone. */
  takeOver(): Promise<void> {
    return this.inTurn(async () => {
      if (this.facts !== null && (await this.holder()) === 'gone') await this.replace(this.facts);
    });
  }

  async remove(): Promise<void> {
    clearInterval(this.timer);
    const { facts } = this;
    if (facts === null) return;
    await this.inTurn(async () => {
      if ((await this.holder()) === 'this') await rm(this.path, { force: true });
      this.facts = null;
    });
  }

  private async holder(): Promise<'this' | 'another' | 'gone'> {
    const text = await readFile(this.path, 'utf8').catch(() => null);
    if (text === null) return 'gone';
    if (this.facts !== null && text === textOf(this.facts)) return 'this';
    try {
      const { pid, mark } = JSON.parse(text) as Entry;
      return fateOf({ pid, ...mark }) === 'gone' ? 'gone' : 'another';
    } catch {
      return 'gone';
    }
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async replace(facts: RunFacts): Promise<void> {
    const directory = dirname(this.path);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const temporary = join(directory, `.server-${randomBytes(4).toString('hex')}`);
    await writeFile(temporary, textOf(facts), { mode: 0o600 });
    await rename(temporary, this.path);
  }
}

function textOf(facts: RunFacts): string {
  const { place, token } = thisProcess;
  const entry: Entry = { ...facts, mark: { place: place ?? null, token } };
  return JSON.stringify(entry);
}
