import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { BatchedLookup } from '../../database/batched-lookup.js';
import { inTransaction, nothingAlongside, type Alongside } from '../../database/transaction.js';
import { AppError } from '../../platform/errors/app-error.js';
import { Clock } from '../../platform/clock/clock.js';
import { ApiToken, type Role } from './api-token.entity.js';

/** Who asks: the name under which an act is recorded, and what it may do. */
export interface Actor {
  tokenId: string;
  name: string;
  role: Role;
}

const TOKEN_PREFIX = 'hsn_';
/** `last_used_at` is written at most once in this time; it informs, it does not audit. */
const LAST_USED_GRAIN = '1 minute';

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

export function newTokenText(): string {
  return TOKEN_PREFIX + randomBytes(32).toString('base64url');
}

/** What is kept of a token's text, for persons to tell tokens apart. */
export function prefixOf(token: string): string {
  return token.slice(0, 10);
}
type Holder = Pick<ApiToken, 'id' | 'name' | 'role'>;

@Injectable()
export class ApiTokenService {
  /** Never from memory: a token that was revoked, on whatever node, ends at once, and a new one works at once. */
  private readonly holders = new BatchedLookup<Holder>((hashes) => this.holdersOf(hashes), tokensBusy);

  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** Makes a token; its text is in the answer and nowhere else afterwards. */
  async create(
    input: { name: string; role: Role; createdBy: string; expiresAt?: Date | null; value?: string },
    alongside: Alongside<ApiToken> = nothingAlongside,
  ): Promise<{ token: string; record: ApiToken }> {
    const token = input.value ?? newTokenText();
    const record = this.dataSource.getRepository(ApiToken).create({
      id: randomUUID(),
      name: input.name,
      tokenHash: hashToken(token),
      // Nothing of a token that an administrator chose is kept: it may be short.
      tokenPrefix: input.value === undefined ? prefixOf(token) : '',
      role: input.role,
      createdAt: this.clock.now(),
      createdBy: input.createdBy,
      expiresAt: input.expiresAt ?? null,
    });
    await inTransaction(this.dataSource, async (manager) => {
      await manager.insert(ApiToken, record);
      await alongside(manager, record);
    });
    return { token, record };
  }

  /** An administrator's token with a value given from outside; once, also when it has been revoked since. */
  async ensureBootstrapToken(value: string): Promise<void> {
    await this.dataSource.query(
      `insert into api_token (id, name, token_hash, token_prefix, role, created_at, created_by)
       select $1, 'bootstrap', $2, '', 'administrator', $3, 'bootstrap'
       where not exists (select 1 from api_token where name = 'bootstrap' or token_hash = $2)
       on conflict do nothing`,
      [randomUUID(), hashToken(value), this.clock.now()],
    );
  }

  /** @throws AppError 401 `token-missing`, `token-invalid` (unknown, revoked or expired: which one is not told); 429 `tokens-busy`. */
  async authenticate(authorization: string | undefined): Promise<Actor> {
    const token = /^Bearer +(\S+)\s*$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new AppError('unauthenticated', 'token-missing.bearer');
    const now = this.clock.now();
    if (!/^[\x21-\x7e]{8,512}$/.test(token)) throw invalid();
    const row = await this.holders.find(hashToken(token));
    if (row === null) throw invalid();
    // Whoever reads must learn what is wrong also when nothing can be written: a full disk, a database that may only be read.
    await this.noteUse(row.id, now).catch(() => undefined);
    return { tokenId: row.id, name: row.name, role: row.role };
  }

  private async noteUse(id: string, now: Date): Promise<void> {
    await this.dataSource.query(
      `update api_token set last_used_at = $2
       where id = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '${LAST_USED_GRAIN}')`,
      [id, now],
    );
  }

  private async holdersOf(hashes: Buffer[]): Promise<Map<string, Holder>> {
    const rows = await this.dataSource.query<(Holder & { hash: string })[]>(
      `select id, name, role, encode(token_hash, 'hex') as hash from api_token
       where token_hash = any($1) and revoked_at is null and (expires_at is null or expires_at > $2)`,
      [hashes, this.clock.now()],
    );
    return new Map(rows.map(({ hash, ...holder }) => [hash, holder]));
  }

  /** Those of these ids whose token would still be let in. */
  async validOf(ids: readonly string[]): Promise<Set<string>> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `select id from api_token where id = any($1) and revoked_at is null and (expires_at is null or expires_at > $2)`,
      [ids, this.clock.now()],
    );
    return new Set(rows.map(({ id }) => id));
  }

  list(): Promise<ApiToken[]> {
    return this.dataSource.getRepository(ApiToken).find({ order: { createdAt: 'ASC' } });
  }

  /**
   * @param alongside told the ids and names of those that were revoked
   * @throws AppError `token-not-found`.
   */
  async revoke(
    idOrName: string,
    alongside: Alongside<readonly { id: string; name: string }[]> = nothingAlongside,
  ): Promise<number> {
    return inTransaction(this.dataSource, async (manager) => {
      const [revoked] = await manager.query<[{ id: string; name: string }[], number]>(
        `update api_token set revoked_at = $2 where (id::text = $1 or name = $1) and revoked_at is null returning id, name`,
        [idOrName, this.clock.now()],
      );
      if (revoked.length === 0) throw new AppError('not-found', 'token-not-found');
      await alongside(manager, revoked);
      return revoked.length;
    });
  }
}

function tokensBusy(): AppError {
  return new AppError('too-many', 'tokens-busy', { details: { retryAfterSeconds: 5 } });
}

function invalid(): AppError {
  return new AppError('unauthenticated', 'token-invalid');
}
