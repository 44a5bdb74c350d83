import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What commands on this host need to find the server of a data directory and to talk to it. */
export interface RunFacts {
  pid: number;
  http: string | null;
  https: string | null;
  token: string | null;
  /** SHA-256 fingerprint of the certificate behind `https`, as Node writes it: the one that these commands trust. */
  certificate: string | null;
}

export function runFilePath(dataDir: string): string {
  return join(dataDir, 'run', 'server.json');
}

/** The file with these facts, readable for the server's account only, from when the server is ready to its end. */
export class RunFile {
  /** Without them the file is that of another server, which runs on this directory. */
  private facts: RunFacts | null = null;
  private turn: Promise<void> = Promise.resolve();
  private readonly path: string;

  constructor(dataDir: string) {
    this.path = runFilePath(dataDir);
  }

  write(facts: RunFacts): Promise<void> {
    this.facts = facts;
    return this.inTurn(() => this.replace(facts));
  }

  /** Writes a change of some of them; nothing before the file is there or after its end. */
  async change(facts: Partial<RunFacts>): Promise<void> {
    if (this.facts !== null) await this.write({ ...this.facts, ...facts });
  }

  async remove(): Promise<void> {
    if (this.facts === null) return;
    this.facts = null;
    await this.inTurn(() => rm(this.path, { force: true }));
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
    await writeFile(temporary, JSON.stringify(facts), { mode: 0o600 });
    await rename(temporary, this.path);
  }
}
