import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { newestFirst, newestPage } from '../../database/newest-first.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import type { Page, PageQuery } from '../../platform/http/page.js';
import { AgentChanges } from './agent-changes.js';
import { AgentGroupService } from './agent-group.service.js';
import { NEW_ENTITY } from './agent-group.entity.js';
import { newToken, tokenHash } from './agent-token.js';
import { EnrolmentToken, type EnrolmentKind } from './enrolment-token.entity.js';

export interface EnrolmentTokenView {
  id: string;
  name: string;
  kind: EnrolmentKind;
  tokenPrefix: string;
  groupId: string;
  autoApprove: boolean | null;
  uses: number;
  usesLeft: number | null;
  state: 'valid' | 'expired' | 'revoked' | 'used-up';
  expiresAt: string | null;
  lastUsedAt: string | null;
  createdAt: string;
  createdBy: string;
}

/** Tokens by which products enrol themselves. */
@Injectable()
export class EnrolmentTokenService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly groups: AgentGroupService,
    private readonly changes: AgentChanges,
    private readonly clock: Clock,
  ) {}

  /** @returns the token, shown this once. @throws AppError `agent-group-unknown`, `token-expires-in-past`. */
  async create(
    input: {
      name: string;
      kind: EnrolmentKind;
      group?: string | undefined;
      uses?: number | null | undefined;
      expiresAt?: Date | null | undefined;
      autoApprove?: boolean | null | undefined;
    },
    actor: string,
  ): Promise<EnrolmentTokenView & { token: string }> {
    const now = this.clock.now();
    if (input.expiresAt && input.expiresAt <= now) throw new AppError('bad-input', 'token-expires-in-past');
    const token = newToken();
    const row: EnrolmentToken = {
      id: randomUUID(),
      name: input.name,
      kind: input.kind,
      tokenHash: tokenHash(token),
      tokenPrefix: token.slice(0, 6),
      groupId: input.group === undefined ? NEW_ENTITY : await this.groups.resolve(input.group),
      autoApprove: input.autoApprove ?? null,
      usesLeft: input.uses ?? null,
      uses: 0,
      expiresAt: input.expiresAt ?? null,
      revokedAt: null,
      lastUsedAt: null,
      createdAt: now,
      createdBy: actor,
    };
    await this.dataSource.getRepository(EnrolmentToken).insert(row);
    await this.changes.publish(null);
    return { ...this.view(row), token };
  }

  async list(query: PageQuery): Promise<Page<EnrolmentTokenView>> {
    const builder = this.dataSource.getRepository(EnrolmentToken).createQueryBuilder('token');
    return newestPage(await newestFirst(builder, query).getMany(), query, (row) => this.view(row));
  }

  /** @throws AppError `enrolment-token-unknown`. */
  async revoke(id: string): Promise<void> {
    const result = await this.dataSource
      .createQueryBuilder()
      .update(EnrolmentToken)
      .set({ revokedAt: this.clock.now() })
      .where('id = :id and revoked_at is null', { id })
      .execute();
    if (result.affected === 0) throw new AppError('not-found', 'enrolment-token-unknown.or-revoked');
    await this.changes.publish(null);
  }

  /** The tokens with these hashes, by their hex text, while they may be used; their number of uses is another matter. */
  async findAll(hashes: Buffer[]): Promise<Map<string, EnrolmentToken>> {
    const rows = await this.dataSource
      .createQueryBuilder(EnrolmentToken, 'token')
      .where('token.token_hash = any(:hashes)', { hashes })
      .getMany();
    return new Map(rows.filter((row) => this.isValid(row)).map((row) => [row.tokenHash.toString('hex'), row]));
  }

  isValid(row: Pick<EnrolmentToken, 'revokedAt' | 'expiresAt'>): boolean {
    return row.revokedAt === null && (row.expiresAt === null || row.expiresAt > this.clock.now());
  }

  async noteUse(id: string): Promise<void> {
    await this.dataSource.query(`update enrolment_token set last_used_at = $2 where id = $1`, [id, this.clock.now()]);
  }

  /** Takes one use, in the transaction that enrols. @returns false when none is left. */
  async use(manager: EntityManager, id: string): Promise<boolean> {
    const now = this.clock.now();
    const [, changed] = await manager.query<[unknown[], number]>(
      `update enrolment_token set uses = uses + 1, uses_left = uses_left - 1, last_used_at = $2
       where id = $1 and revoked_at is null and (expires_at is null or expires_at > $2) and (uses_left is null or uses_left > 0)`,
      [id, now],
    );
    return changed > 0;
  }

  private view(row: EnrolmentToken): EnrolmentTokenView {
    const { tokenHash: _, expiresAt, lastUsedAt, createdAt, revokedAt, ...plain } = row;
    const state =
      revokedAt !== null
        ? 'revoked'
        : expiresAt !== null && expiresAt <= this.clock.now()
          ? 'expired'
          : row.usesLeft === 0
            ? 'used-up'
            : 'valid';
    return {
      ...plain,
      state,
      expiresAt: expiresAt?.toISOString() ?? null,
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
      createdAt: createdAt.toISOString(),
    };
  }
}
