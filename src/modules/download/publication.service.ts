import { Injectable } from '@nestjs/common';
import { Any, DataSource, In } from 'typeorm';
import { newestFirst, newestPage } from '../../database/newest-first.js';
import { Component } from '../../mirror/catalogue/component.entity.js';
import { displayVersion } from '../../mirror/manifest/version.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import { Release, ReleaseFile } from '../../mirror/snapshot/release.entity.js';
import { SnapshotPublisher } from '../../mirror/snapshot/snapshot-publisher.js';
import { Snapshot, SnapshotChannel, SnapshotRelease } from '../../mirror/snapshot/snapshot.entity.js';
import { PublishedTree } from '../../mirror/source/published-tree.js';
import { AppError } from '../../platform/errors/app-error.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import { isUuid } from '../../platform/http/uuid.js';

export interface ReleaseView {
  id: string;
  component: string;
  version: string;
  rawVersion: string;
  variant: string | null;
  origin: string;
  derivedFrom: string | null;
  source: string | null;
  uploadedBy: string | null;
  createdAt: string;
  files: {
    path: string;
    role: string;
    size: number;
    sha256: string;
    fromVersion: string | null;
    signature: { path: string; size: number; sha256: string } | null;
  }[];
}

export interface SnapshotView {
  id: string;
  reason: string;
  downloadId: string | null;
  createdBy: string;
  createdAt: string;
  publishedAt: string | null;
  pinned: boolean;
  /** Channels that serve it now. */
  inForce: string[];
  channels: {
    channel: string;
    manifestSha256: string;
    fileCount: number;
    totalBytes: number;
    releases: { component: string; releaseId: string; version: string; variant: string | null; origin: string }[];
  }[];
}

export interface ChannelView {
  id: string;
  snapshotId: string | null;
  publishedAt: string | null;
  reason: string | null;
  source: string | null;
  fileCount: number;
  totalBytes: number;
}

function nothingIn(channel: Channel): ChannelView {
  const unknown = { publishedAt: null, reason: null, source: null };
  return { id: channel, snapshotId: null, ...unknown, fileCount: 0, totalBytes: 0 };
}

/** What is published, and of what it is made; reading only. */
@Injectable()
export class PublicationService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly publisher: SnapshotPublisher,
    private readonly tree: PublishedTree,
  ) {}

  async channels(): Promise<ChannelView[]> {
    return Promise.all(CHANNELS.map((channel) => this.channel(channel)));
  }

  private async channel(channel: Channel): Promise<ChannelView> {
    const id = await this.publisher.states.inForce(channel);
    if (id === null) return nothingIn(channel);
    const snapshot = await this.dataSource.getRepository(Snapshot).findOneBy({ id });
    // A database from a backup may be older than what is published: of that only the disk knows.
    if (snapshot === null) return { ...nothingIn(channel), snapshotId: id, ...this.onDisk(channel, id) };
    const facts = await this.dataSource.getRepository(SnapshotChannel).findOneBy({ snapshotId: id, channel });
    return {
      id: channel,
      snapshotId: id,
      publishedAt: snapshot.publishedAt?.toISOString() ?? null,
      reason: snapshot.reason,
      source: await this.sourceOf(snapshot, channel),
      fileCount: facts?.fileCount ?? 0,
      totalBytes: facts?.totalBytes ?? 0,
    };
  }

  private onDisk(channel: Channel, snapshotId: string): Partial<ChannelView> {
    const index = this.tree.snapshot(channel, snapshotId);
    if (index === undefined) return {};
    const entries = [...index.entries.values()];
    return {
      publishedAt: index.publishedAt,
      fileCount: entries.length,
      totalBytes: entries.reduce((sum, { size }) => sum + size, 0),
    };
  }

  /** Where a channel's content came from: the download's source, unless the channel was read from one of its own. */
  private async sourceOf(snapshot: Snapshot, channel: Channel): Promise<string | null> {
    const [from] = await this.dataSource.query<{ source: string | null }[]>(
      `select coalesce(
         (select r.source from snapshot_release m join release r on r.id = m.release_id
          where m.snapshot_id = $1 and m.channel = $2 and $2 <> 'global' and r.origin = 'mirrored' and not exists
            (select from snapshot_release g where g.snapshot_id = $1 and g.channel = 'global' and g.release_id = r.id)
          order by r.created_at desc, r.id limit 1),
         (select source from download where id = $3)) as source`,
      [snapshot.id, channel, snapshot.downloadId],
    );
    return from?.source ?? null;
  }

  async snapshots(query: PageQuery): Promise<Page<SnapshotView>> {
    const after = decodeCursor(query.cursor, 1);
    // Ids begin with the time, so their order is that of publication.
    const builder = this.dataSource
      .getRepository(Snapshot)
      .createQueryBuilder('s')
      .where(`s.state = 'published'`)
      .orderBy('s.id', 'DESC')
      .limit(query.limit + 1);
    if (after !== null) builder.andWhere('s.id < :id', { id: after[0] });
    const rows = await builder.getMany();
    const views = new Map((await this.snapshotViews(rows.slice(0, query.limit))).map((view) => [view.id, view]));
    return toPage(
      rows,
      query.limit,
      (row) => [row.id],
      (row) => views.get(row.id) as SnapshotView,
    );
  }

  /** @throws AppError `snapshot-unknown`. */
  async snapshot(id: string): Promise<SnapshotView> {
    const row = await this.dataSource.getRepository(Snapshot).findOneBy({ id });
    if (row === null) throw new AppError('not-found', 'snapshot-unknown', { values: { id } });
    return (await this.snapshotViews([row]))[0] as SnapshotView;
  }

  private async snapshotViews(rows: Snapshot[]): Promise<SnapshotView[]> {
    if (rows.length === 0) return [];
    const ids = rows.map((row) => row.id);
    const inForce = await Promise.all(
      CHANNELS.map(async (channel) => [channel, await this.publisher.states.inForce(channel)] as const),
    );
    const channels = await this.dataSource.getRepository(SnapshotChannel).findBy({ snapshotId: In(ids) });
    const members = await this.dataSource.getRepository(SnapshotRelease).findBy({ snapshotId: In(ids) });
    const releases = await this.byId([...new Set(members.map((member) => member.releaseId))]);
    const numbering = await this.numberings();
    return rows.map((row) => ({
      id: row.id,
      reason: row.reason,
      downloadId: row.downloadId,
      createdBy: row.createdBy,
      createdAt: row.createdAt.toISOString(),
      publishedAt: row.publishedAt?.toISOString() ?? null,
      pinned: row.pinned,
      inForce: inForce.filter(([, id]) => id === row.id).map(([channel]) => channel),
      channels: channels
        .filter((each) => each.snapshotId === row.id)
        .map((each) => ({
          channel: each.channel,
          manifestSha256: each.manifestSha256,
          fileCount: each.fileCount,
          totalBytes: each.totalBytes,
          releases: members
            .filter((member) => member.snapshotId === row.id && member.channel === each.channel)
            .flatMap((member) => {
              const release = releases.get(member.releaseId);
              if (release === undefined) return [];
              const version = displayVersion(release.version, numbering.get(release.componentId) ?? 'integer');
              return [
                {
                  component: release.componentId,
                  releaseId: release.id,
                  version,
                  variant: release.variant,
                  origin: release.origin,
                },
              ];
            }),
        })),
    }));
  }

  async releases(query: PageQuery, component?: string): Promise<Page<ReleaseView>> {
    const builder = this.dataSource.getRepository(Release).createQueryBuilder('r');
    if (component !== undefined) builder.where('r.component_id = :component', { component });
    const rows = await newestFirst(builder, query).getMany();
    const views = new Map((await this.releaseViews(rows.slice(0, query.limit))).map((view) => [view.id, view]));
    return newestPage(rows, query, (row) => views.get(row.id) as ReleaseView);
  }

  /** @throws AppError `release-unknown`. */
  async release(id: string): Promise<ReleaseView> {
    const row = isUuid(id) ? await this.dataSource.getRepository(Release).findOneBy({ id }) : null;
    if (row === null) throw new AppError('not-found', 'release-unknown', { values: { release: id } });
    return (await this.releaseViews([row]))[0] as ReleaseView;
  }

  private async releaseViews(rows: Release[]): Promise<ReleaseView[]> {
    if (rows.length === 0) return [];
    const files = await this.dataSource.getRepository(ReleaseFile).find({
      where: { releaseId: In(rows.map((row) => row.id)) },
      order: { role: 'ASC', path: 'ASC' },
    });
    const numbering = await this.numberings();
    return rows.map((row) => ({
      id: row.id,
      component: row.componentId,
      version: displayVersion(row.version, numbering.get(row.componentId) ?? 'integer'),
      rawVersion: row.version,
      variant: row.variant,
      origin: row.origin,
      derivedFrom: row.derivedFrom,
      source: row.source,
      uploadedBy: row.createdBy,
      createdAt: row.createdAt.toISOString(),
      files: files
        .filter((file) => file.releaseId === row.id)
        .map((file) => ({
          path: file.path,
          role: file.role,
          size: file.size,
          sha256: file.sha256,
          fromVersion: file.fromVersion,
          signature:
            file.signaturePath !== null && file.signatureSha256 !== null
              ? { path: file.signaturePath, size: file.signatureSize ?? 0, sha256: file.signatureSha256 }
              : null,
        })),
    }));
  }

  private async byId(ids: string[]): Promise<Map<string, Release>> {
    if (ids.length === 0) return new Map();
    return new Map((await this.dataSource.getRepository(Release).findBy({ id: Any(ids) })).map((row) => [row.id, row]));
  }

  private async numberings(): Promise<Map<string, Component['numbering']>> {
    const rows = await this.dataSource.getRepository(Component).find({ select: { id: true, numbering: true } });
    return new Map(rows.map((row) => [row.id, row.numbering]));
  }
}
