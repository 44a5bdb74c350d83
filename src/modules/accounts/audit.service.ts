import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../platform/clock/clock.js';
import { currentRequestId } from '../../platform/http/request-context.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import { AuditEntry } from './audit.entity.js';

@Injectable()
export class AuditService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** @param manager of the transaction of the act, where it has one: then the line stands or falls with it */
  async record(
    actor: string,
    action: string,
    object: string | null,
    details: Record<string, unknown> = {},
    manager: EntityManager = this.dataSource.manager,
  ): Promise<void> {
    await manager.query(
      `insert into audit_entry (at, actor, action, object, details, request_id) values ($1, $2, $3, $4, $5, $6)`,
      [this.clock.now(), actor, action, object, JSON.stringify(details), currentRequestId()],
    );
  }

  async list(query: PageQuery): Promise<Page<Record<string, unknown>>> {
    const before = decodeCursor(query.cursor, 1);
    const rows = await this.dataSource
      .getRepository(AuditEntry)
      .createQueryBuilder('entry')
      .where(before ? 'entry.id < :before' : 'true', before ? { before: before[0] } : {})
      .orderBy('entry.id', 'DESC')
      .limit(query.limit + 1)
      .getMany();
    return toPage(
      rows,
      query.limit,
      (row) => [row.id],
      (row) => ({ ...row, at: row.at.toISOString() }),
    );
  }
}
