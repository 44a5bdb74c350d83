import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import type { Sentence } from '../../platform/texts/texts.js';
import { ChangeFeed } from './change-feed.js';
import { CommandRepository, type CommandHead } from './command.repository.js';
import { searchWords } from './command.service.js';
import { writeWords } from './server-words.js';
import { SERVER, type CommandOrigin } from './command.types.js';
import { CommandEnds } from './command-ends.js';
import { EventStream } from './event-stream.js';
import { Months, monthOf } from './months.js';

const LIFE_MS = 7 * 86_400_000;
const PROGRESS_MS = 10_000;
/** A manifest may have entries by the thousand that fail: the download's own record has them all. */
const MOST_MESSAGES = 500;
const LONGEST_MESSAGE = 1_000;
const LONGEST_LINE = 500;

export interface NewServerWork {
  type: 'download' | 'upload';
  issuedBy: string;
  origin: CommandOrigin;
  /** Empty: everything. */
  components: string[];
  downloadId: string | null;
  releaseId: string | null;
  parameters: object;
}

export interface ServerWorkEnd {
  state: 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  /** Stable code. */
  reason: string | null;
  message: Sentence | null;
  /** What it brought, and what failed in it, so that a search by component finds it. */
  components: string[];
  /** What became of each of them, what matters most first; the texts of the target. */
  messages?: Sentence[];
  versionAfter?: string | null;
  /** The person who cancelled it. */
  cancelled?: { by: string; at: Date };
}

/** The server's own downloads and uploads, in the one list of commands. */
@Injectable()
export class ServerWork {
  private readonly told = new Map<string, number>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly commands: CommandRepository,
    private readonly ends: CommandEnds,
    private readonly feed: ChangeFeed,
    private readonly stream: EventStream,
    private readonly months: Months,
    private readonly clock: Clock,
  ) {}

  /** @returns the command's id. */
  async begin(work: NewServerWork): Promise<string> {
    const now = this.clock.now();
    const month = monthOf(now);
    await this.months.ensure(month);
    const id = randomUUID();
    const expiresAt = new Date(now.getTime() + LIFE_MS);
    await inTransaction(this.dataSource, async (manager) => {
      const seq = await this.commands.insert(manager, {
        ...work,
        id,
        month,
        issuedAt: now,
        deploymentId: null,
        tries: 1,
        retryMinutes: 0,
        expiresAt,
        words: searchWords([
          work.type,
          work.issuedBy,
          ...work.components,
          ...work.components.flatMap((each) => each.split('-')),
        ]),
      });
      await manager.query(
        `insert into command_target (month, command_seq, controller_id, state, since, delivered_at, progress_at, expires_at)
         values ($1, $2, $3, 'downloading', $4, $4, $4, $5)`,
        [month, seq, SERVER, now, expiresAt],
      );
    });
    this.feed.command({ commandId: id, deploymentId: null });
    return id;
  }

  /** Shown at once to listeners; written now and then. */
  async progress(downloadId: string, percent: number | null, facts: object): Promise<void> {
    this.stream.download({ id: downloadId, state: 'running', ...facts });
    const now = this.clock.now();
    if (now.getTime() - (this.told.get(downloadId) ?? 0) < PROGRESS_MS) return;
    this.told.set(downloadId, now.getTime());
    await this.dataSource.query(
      `update command_target t set progress = $2, progress_at = $3, slow_since = null from command c
       where c.download_id = $1 and t.month = c.month and t.command_seq = c.seq and t.ended_at is null`,
      [downloadId, percent, now],
    );
  }

  async end(work: { downloadId: string } | { commandId: string }, end: ServerWorkEnd): Promise<void> {
    const now = this.clock.now();
    const ended = await inTransaction(this.dataSource, async (manager) => {
      const [column, key] = 'downloadId' in work ? ['download_id', work.downloadId] : ['id', work.commandId];
      const [command] = await manager.query<Pick<CommandHead, 'id' | 'seq' | 'month' | 'issuedAt'>[]>(
        `select id, seq, month::text as month, issued_at as "issuedAt" from command where ${column} = $1 for update`,
        [key],
      );
      if (command === undefined) return null;
      const { messages = [] } = end;
      await manager.query(
        `with ended as (
           update command_target set state = $3, reason = $4, message = $5, since = $6, ended_at = $6, version_after = $7,
             progress = case when $3 = 'succeeded' then 100 else progress end, dropped_messages = $9
           where month = $1 and command_seq = $2 and ended_at is null
           returning month, command_seq, controller_id, action_id, attempt)
         insert into target_message (month, command_seq, controller_id, action_id, attempt, at, execution, finished, messages, dropped)
         select month, command_seq, controller_id, action_id, attempt, $6, 'closed',
           case $3 when 'succeeded' then 'success' when 'failed' then 'failure' else 'none' end, $8, $9
         from ended where cardinality($8::text[]) > 0`,
        [
          command.month,
          command.seq,
          end.state,
          end.reason,
          end.message && writeWords(end.message, LONGEST_MESSAGE),
          now,
          end.versionAfter ?? null,
          messages.slice(0, MOST_MESSAGES).map((words) => writeWords(words, LONGEST_LINE)),
          Math.max(0, messages.length - MOST_MESSAGES),
        ],
      );
      if (end.cancelled !== undefined)
        await manager.query(`update command set cancelled_at = $2, cancelled_by = $3 where seq = $1`, [
          command.seq,
          end.cancelled.at,
          end.cancelled.by,
        ]);
      if (end.components.length > 0) {
        await manager.query(
          `update command set components = $2, search = search || array_to_tsvector($3) where seq = $1`,
          [
            command.seq,
            end.components,
            searchWords([...end.components, ...end.components.flatMap((each) => each.split('-'))]),
          ],
        );
        await manager.query(
          `insert into command_component (component_id, issued_at, command_seq)
           select unnest($1::text[]), c.issued_at, c.seq from command c where c.seq = $2 on conflict do nothing`,
          [end.components, command.seq],
        );
      }
      return command;
    });
    if (ended === null) return;
    if ('downloadId' in work) {
      this.told.delete(work.downloadId);
      this.stream.download({ id: work.downloadId, state: end.state, reason: end.reason });
    }
    this.feed.command({ commandId: ended.id, deploymentId: null });
    this.ends.look(ended.seq);
  }
}
