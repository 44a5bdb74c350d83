import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { findPostmaster } from '../../src/database/embedded/postmaster-file.js';
import { type OwnerProcess, startOwner } from '../support/owner-process.js';
import { silentLogger } from '../support/silent-logger.js';

/** A directory for an embedded PostgreSQL, and those who start one on it: this process and others. */
export class EmbeddedSite {
  private readonly servers: EmbeddedPostgres[] = [];
  private readonly owners: OwnerProcess[] = [];

  private constructor(
    readonly parent: string,
    public dataDir: string,
  ) {}

  static async open(): Promise<EmbeddedSite> {
    const parent = await mkdtemp(join(tmpdir(), 'haishin-embedded-'));
    await chmod(parent, 0o755);
    return new EmbeddedSite(parent, join(parent, 'postgres'));
  }

  async start(settings?: Record<string, string>, logger = silentLogger): Promise<EmbeddedPostgres> {
    const { dataDir } = this;
    const server = await startEmbeddedPostgres({ dataDir, logger, ...(settings ? { settings } : {}) });
    this.servers.push(server);
    return server;
  }

  async own(options?: Parameters<typeof startOwner>[1]): Promise<OwnerProcess> {
    const owner = await startOwner(this.dataDir, options);
    this.owners.push(owner);
    return owner;
  }

  async postmasterPid(): Promise<number | undefined> {
    return (await findPostmaster(join(this.dataDir, 'cluster')))?.process.pid;
  }

  async close(): Promise<void> {
    for (const owner of this.owners)
      if (owner.child.exitCode === null) await owner.end('SIGKILL').catch(() => undefined);
    for (const server of this.servers) await server.stop();
    const left = await this.postmasterPid();
    if (left !== undefined) process.kill(left, 'SIGQUIT');
    await rm(this.parent, { recursive: true, force: true });
  }
}

/** The column `value` of the last statement's first row. */
export async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const results = [await client.query<{ value?: unknown }>(sql)].flat();
    return results.at(-1)?.rows[0]?.value;
  } finally {
    await client.end();
  }
}
