import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { fateOf, thisProcess } from '../../platform/process/process-mark.js';
import { withinTime } from '../../platform/promises/within-time.js';
import { hashToken, newTokenText, prefixOf } from './api-token.service.js';

const NAME = 'local command line';
const RENEW_MS = 300_000;
const WITHDRAW_MS = 1_000;
/** How long the token of a server that was killed, on a host that nobody can look at any more, is still let in. */
const VALID_MS = 24 * 3_600_000;

/** The token by which commands on this host talk to the server: it lives as long as the server, whatever ends that. */
@Injectable()
export class LocalTokenService implements OnApplicationShutdown {
  private own: { id: string; name: string; token: string } | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Makes the token. Those of servers that are over go: of every one that ran here, and of one that bore this very name.
   * @param place host and data directory
   */
  async issue(place: string): Promise<string> {
    const name = `${NAME} ${place}`;
    await this.removeLeft(name);
    this.own = { id: randomUUID(), name, token: newTokenText() };
    await this.renew();
    this.timer = setInterval(() => {
      this.renew().catch((err: unknown) => this.logger.debug({ err }, 'the local token could not be renewed'));
    }, RENEW_MS).unref();
    return this.own.token;
  }

  /** Writes it anew where it is missing: a server that slept may have been taken for dead. */
  async renew(): Promise<void> {
    if (this.own === undefined) return;
    const { id, name, token } = this.own;
    const now = this.clock.now();
    await this.dataSource.query(
      `insert into api_token (id, name, token_hash, token_prefix, role, created_at, created_by, expires_at)
       values ($1, $2, $3, $4, 'administrator', $5, $6, $7)
       on conflict (id) do update set expires_at = excluded.expires_at`,
      [id, name, hashToken(token), prefixOf(token), now, OWN_MARK, new Date(now.getTime() + VALID_MS)],
    );
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    if (this.own === undefined) return;
    const work = this.dataSource.query(`delete from api_token where id = $1`, [this.own.id]);
    // Without a database it ends by itself.
    await withinTime(work, WITHDRAW_MS).catch((err: unknown) =>
      this.logger.debug({ err }, 'the local token could not be withdrawn'),
    );
  }

  private async removeLeft(name: string): Promise<void> {
    const rows = await this.dataSource.query<{ id: string; name: string; mark: string; ended: boolean }[]>(
      `select id, name, created_by as mark, coalesce(expires_at <= $2, true) as ended from api_token
       where name like $1 and created_by like 'server %'`,
      [`${NAME} %`, this.clock.now()],
    );
    const left = rows.filter((row) => {
      // An earlier start in this very process, as before a database was lost and found.
      if (row.mark === OWN_MARK) return row.name === name;
      const fate = fateOfServer(row.mark);
      return fate === 'gone' || (fate === 'unknown' && (row.ended || row.name === name));
    });
    await this.dataSource.query(`delete from api_token where id = any($1)`, [left.map(({ id }) => id)]);
  }
}

/** Of a server's own token, in `created_by`. */
const OWN_MARK = `server ${thisProcess.pid} ${thisProcess.place ?? '-'} ${thisProcess.token}`;

function fateOfServer(mark: string): ReturnType<typeof fateOf> {
  const [, pid, place, token] = mark.split(' ');
  if (place === undefined || token === undefined) return 'unknown';
  return fateOf({ pid: Number(pid), place, token });
}
