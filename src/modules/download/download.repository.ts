import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { newestFirst, newestPage } from '../../database/newest-first.js';
import { inTransaction, type Alongside } from '../../database/transaction.js';
import { AppError, faultOf, saying } from '../../platform/errors/app-error.js';
import type { Page, PageQuery } from '../../platform/http/page.js';
import type { ProcessMark } from '../../platform/process/process-mark.js';
import { endOfPublished, type DownloadEnd } from './download-outcome.js';
import { Download, type DownloadState } from './download.entity.js';

export interface DownloadProgress {
  phase: string | null;
  source: string | null;
  filesDone: number;
  filesTotal: number;
  bytesDone: number;
  bytesTotal: number;
}

interface NewDownload {
  id: string;
  trigger: 'manual' | 'schedule';
  components: string[] | null;
  startedBy: string;
  tick: Date | null;
  node: string;
  owner: ProcessMark;
  now: Date;
}

/** An open download whose owner is silent for so long is stale: its process died. */
const STALE_AFTER_SECONDS = 30;
/** Nodes whose clocks differ come to the same minute within so long, by the clock of the database. */
const SAME_TICK = '15 minutes';
const OPEN = `state in ('queued', 'running')`;

/** All SQL of downloads. Each change of state is one conditional statement. */
@Injectable()
export class DownloadRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Takes the lock by inserting; false when another download is open or the tick was taken by another node. */
  async begin(download: NewDownload, alongside: Alongside<string>): Promise<boolean> {
    return inTransaction(this.dataSource, async (manager) => {
      if (!(await this.insert(manager, download))) return false;
      await alongside(manager, download.id);
      return true;
    });
  }

  private async insert(manager: EntityManager, download: NewDownload): Promise<boolean> {
    // A minute that comes a second time long after its download: the clock was ahead then, and was set back since.
    if (download.tick !== null)
      await manager.query(
        `update download set tick = null where tick = $1 and heartbeat_at < now() - $2::interval and not (${OPEN})`,
        [download.tick, SAME_TICK],
      );
    const rows = await manager.query<{ id: string }[]>(
      `insert into download (id, trigger, state, components, started_by, tick, created_at, started_at, owner_node, owner_pid, owner_place,
         owner_token, heartbeat_at)
       values ($1, $2, 'running', $3, $4, $5, $6, $6, $7, $8, $9, $10, now()) on conflict do nothing returning id`,
      [
        download.id,
        download.trigger,
        download.components,
        download.startedBy,
        download.tick,
        download.now,
        download.node,
        download.owner.pid,
        download.owner.place,
        download.owner.token,
      ],
    );
    return rows.length > 0;
  }

  async open(): Promise<Download | null> {
    return this.dataSource.getRepository(Download).createQueryBuilder('d').where(OPEN).getOne();
  }

  /** The latest end of each state that any has ended in. */
  lastFinished(): Promise<{ state: DownloadState; at: Date }[]> {
    return this.dataSource.query(
      `select state, max(finished_at) as at from download where finished_at is not null group by state order by state`,
    );
  }

  find(id: string): Promise<Download | null> {
    return this.dataSource.getRepository(Download).findOneBy({ id });
  }

  /** Says that the owner lives, and where it stands; answers whether it is still the owner and whether to stop. */
  async heartbeat(id: string, progress: DownloadProgress): Promise<'go-on' | 'cancel' | 'lost'> {
    const [rows] = await this.dataSource.query<[{ cancelled: boolean }[], number]>(
      `update download set heartbeat_at = now(), phase = $2, source = $3, files_done = $4, files_total = $5, bytes_done = $6, bytes_total = $7
       where id = $1 and state = 'running' returning cancel_requested_at is not null as cancelled`,
      [
        id,
        progress.phase,
        progress.source,
        progress.filesDone,
        progress.filesTotal,
        progress.bytesDone,
        progress.bytesTotal,
      ],
    );
    const row = rows[0];
    return row === undefined ? 'lost' : row.cancelled ? 'cancel' : 'go-on';
  }

  /**
   * In the transaction of its snapshot: what has come out of it, should nobody live to say that it has ended.
   * @throws AppError `download-lost` when somebody has closed the record meanwhile: another node may have published since.
   */
  async published(manager: EntityManager, id: string, end: DownloadEnd): Promise<void> {
    const error = end.error === null ? null : JSON.stringify(end.error);
    const [, count] = await manager.query<[unknown[], number]>(
      `update download set outcomes = $2, snapshot_id = $3, error = $4 where id = $1 and ${OPEN}`,
      [id, JSON.stringify(end.outcomes), end.snapshotId, error],
    );
    if (count === 0) throw new AppError('conflict', 'download-lost');
  }

  async finish(id: string, end: DownloadEnd & { progress: DownloadProgress; now: Date }): Promise<boolean> {
    const { progress } = end;
    const [, count] = await this.dataSource.query<[unknown[], number]>(
      `update download set state = $2, outcomes = $3, snapshot_id = $4, error = $5, finished_at = $6, phase = null,
         source = $7, files_done = $8, files_total = $9, bytes_done = $10, bytes_total = $11
       where id = $1 and ${OPEN}`,
      [
        id,
        end.state,
        JSON.stringify(end.outcomes),
        end.snapshotId,
        end.error === null ? null : JSON.stringify(end.error),
        end.now,
        progress.source,
        progress.filesDone,
        progress.filesTotal,
        progress.bytesDone,
        progress.bytesTotal,
      ],
    );
    return count > 0;
  }

  /**
   * Clears locks whose owner is silent. Answers what was cleared.
   * @param owners `dead`: the download whose owner is known to be gone, silent or not; `live`: the one whose owner is known to live
   * @param record called in the same transaction: nobody else will tell of them
   */
  async clearStale(
    owners: { dead: string | null; live: string | null },
    now: Date,
    record: (manager: EntityManager, cleared: Download[]) => Promise<void>,
  ): Promise<Download[]> {
    return inTransaction(this.dataSource, async (manager) => {
      const stale = await manager
        .getRepository(Download)
        .createQueryBuilder('d')
        .setLock('pessimistic_write')
        .where(OPEN)
        .andWhere(
          `(d.id = :dead or d.heartbeat_at < now() - make_interval(secs => :silent) and d.id is distinct from :live)`,
          { ...owners, silent: STALE_AFTER_SECONDS },
        )
        .getMany();
      const cleared: Download[] = [];
      for (const download of stale) {
        // One whose snapshot is recorded comes into force without its owner.
        const end = endOfPublished(download) ?? { state: 'failed' as const, error: interruption(download) };
        const { state, error } = end;
        await manager.query(
          `update download set state = $2, error = $3, finished_at = $4, phase = null where id = $1`,
          [download.id, state, error === null ? null : JSON.stringify(error), now],
        );
        cleared.push({ ...download, state });
      }
      await record(manager, cleared);
      return cleared;
    });
  }

  async requestCancel(id: string, actor: string, now: Date, alongside: Alongside<string>): Promise<boolean> {
    return inTransaction(this.dataSource, async (manager) => {
      const [, count] = await manager.query<[unknown[], number]>(
        `update download set cancel_requested_at = coalesce(cancel_requested_at, $2), cancel_requested_by = coalesce(cancel_requested_by, $3)
         where id = $1 and ${OPEN}`,
        [id, now, actor],
      );
      if (count > 0) await alongside(manager, id);
      return count > 0;
    });
  }

  async list(query: PageQuery): Promise<Page<Download>> {
    const builder = this.dataSource.getRepository(Download).createQueryBuilder('d');
    return newestPage(await newestFirst(builder, query).getMany(), query, (row) => row);
  }

  /** The history has an end: the oldest finished downloads go, and the oldest lines of the update log. */
  async prune(before: Date): Promise<void> {
    await this.dataSource.query(`delete from download where finished_at < $1`, [before]);
    await this.dataSource.query(`delete from update_event where at < $1`, [before]);
  }
}

function interruption({ ownerPid: pid, ownerNode: node }: Download): Download['error'] {
  return faultOf(saying('download-interrupted.of-process', { pid, node }));
}
