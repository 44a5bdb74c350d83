import { randomUUID } from 'node:crypto';
import { In, type DataSource, type EntityManager } from 'typeorm';
import type { ReleaseContent, ReleaseDraft } from './channel-composer.js';
import { Release, ReleaseFile, type Origin } from './release.entity.js';

/** Where a release came from; recorded with it and never changed. */
export interface Provenance {
  origin: Origin;
  derivedFrom: string | null;
  source: string | null;
  createdBy: string | null;
}

export interface NewRelease {
  draft: Pick<ReleaseDraft, 'componentId' | 'digest' | 'lines' | 'files'>;
  version: string;
  variant: string | null;
  provenance: Provenance;
}

/** All SQL of releases. */
export class ReleaseRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The release with this content: the one that exists, else a new one. Safe when two callers race. */
  async findOrCreate(manager: EntityManager, release: NewRelease, now: Date): Promise<string> {
    const { draft, provenance } = release;
    const [created] = await manager.query<{ id: string }[]>(
      `insert into release (id, component_id, version, variant, origin, derived_from, source, created_by, created_at, content_digest, lines)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       on conflict on constraint release_content_unique do nothing returning id`,
      [
        randomUUID(),
        draft.componentId,
        release.version,
        release.variant,
        provenance.origin,
        provenance.derivedFrom,
        provenance.source,
        provenance.createdBy,
        now,
        draft.digest,
        JSON.stringify(draft.lines),
      ],
    );
    if (created === undefined) {
      const [existing] = await manager.query<{ id: string }[]>(
        `select id from release where component_id = $1 and content_digest = $2`,
        [draft.componentId, draft.digest],
      );
      if (existing === undefined) throw new Error('release vanished between two statements');
      return existing.id;
    }
    const rows = draft.files.map((file) => ({
      releaseId: created.id,
      path: file.path,
      role: file.role,
      sha256: file.sha256,
      size: file.size,
      fromVersion: file.fromVersion,
      signaturePath: file.signature?.path ?? null,
      signatureSha256: file.signature?.sha256 ?? null,
      signatureSize: file.signature?.size ?? null,
    }));
    if (rows.length > 0) await manager.insert(ReleaseFile, rows);
    return created.id;
  }

  find(id: string): Promise<Release | null> {
    return this.dataSource.getRepository(Release).findOneBy({ id });
  }

  async findMany(ids: string[]): Promise<Map<string, Release>> {
    if (ids.length === 0) return new Map();
    const rows = await this.dataSource.getRepository(Release).findBy({ id: In(ids) });
    return new Map(rows.map((row) => [row.id, row]));
  }

  filesOf(releaseId: string): Promise<ReleaseFile[]> {
    return this.dataSource
      .getRepository(ReleaseFile)
      .find({ where: { releaseId }, order: { role: 'ASC', path: 'ASC' } });
  }

  /** What the composer needs to publish a release again. */
  async content(release: Release): Promise<ReleaseContent> {
    const files = await this.filesOf(release.id);
    return {
      lines: release.lines,
      files: files.map((file) => ({
        path: file.path,
        role: file.role,
        sha256: file.sha256,
        size: file.size,
        fromVersion: file.fromVersion,
        mtime: release.createdAt.toISOString(),
        signature:
          file.signaturePath !== null && file.signatureSha256 !== null
            ? { path: file.signaturePath, sha256: file.signatureSha256, size: file.signatureSize ?? 0 }
            : null,
      })),
    };
  }

  /** Releases that a channel has published of a component, newest publication first, each once. */
  async publishedHistory(componentId: string, channel: string): Promise<Release[]> {
    const rows = await this.dataSource.query<{ release_id: string }[]>(
      `select p.release_id from release_publication p join release r on r.id = p.release_id
       where r.component_id = $1 and p.channel = $2 order by p.last_at desc, p.first_at desc, r.created_at desc`,
      [componentId, channel],
    );
    const releases = await this.findMany(rows.map((row) => row.release_id));
    return rows.map((row) => releases.get(row.release_id)).filter((release) => release !== undefined);
  }
}
