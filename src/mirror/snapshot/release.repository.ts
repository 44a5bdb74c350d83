import { randomUUID } from 'node:crypto';
import { Any, type DataSource, type EntityManager } from 'typeorm';
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

/** What a channel had in force of a component at some time. */
export interface Publication {
  release: Release;
  firstAt: Date;
  /** An earlier one came back after it. */
  rolledBack: boolean;
}

interface Known {
  id: string;
  component: string;
  digest: string;
}

interface NewFile {
  release: string;
  path: string;
  role: string;
  sha256: string;
  size: number;
  fromVersion: string | null;
  signaturePath: string | null;
  signatureSha256: string | null;
  signatureSize: number | null;
}

function keyOf({ component, digest }: Omit<Known, 'id'>): string {
  return `${component} ${digest}`;
}

function filesOf(release: string, files: ReleaseContent['files']): NewFile[] {
  return files.map(({ path, role, sha256, size, fromVersion, signature }) => ({
    release,
    path,
    role,
    sha256,
    size,
    fromVersion,
    signaturePath: signature?.path ?? null,
    signatureSha256: signature?.sha256 ?? null,
    signatureSize: signature?.size ?? null,
  }));
}

/** All SQL of releases. */
export class ReleaseRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * The releases with these contents, in their order: those that exist, else new ones. Safe when two callers race. In few
   * statements: a first mirror has dozens.
   */
  async findOrCreate(manager: EntityManager, releases: readonly NewRelease[], now: Date): Promise<string[]> {
    if (releases.length === 0) return [];
    const rows = releases.map(({ draft, version, variant, provenance }) => ({
      id: randomUUID(),
      component: draft.componentId,
      digest: draft.digest,
      lines: draft.lines,
      version,
      variant,
      ...provenance,
    }));
    const created = await manager.query<Known[]>(
      `insert into release (id, component_id, version, variant, origin, derived_from, source, created_by, created_at, content_digest, lines)
       select id, component, version, variant, origin, "derivedFrom", source, "createdBy", $2, digest, lines
       from jsonb_to_recordset($1::jsonb) as r(id uuid, component text, version text, variant text, origin text,
         "derivedFrom" uuid, source text, "createdBy" text, digest text, lines jsonb)
       on conflict on constraint release_content_unique do nothing
       returning id, component_id as component, content_digest as digest`,
      [JSON.stringify(rows), now],
    );
    const ids = new Map(created.map((each) => [keyOf(each), each.id]));
    const others = rows.filter((row) => !ids.has(keyOf(row)));
    if (others.length > 0) for (const each of await this.existing(manager, others)) ids.set(keyOf(each), each.id);
    await this.insertFiles(
      manager,
      releases.flatMap(({ draft }, at) => {
        const row = rows[at];
        return row !== undefined && ids.get(keyOf(row)) === row.id ? filesOf(row.id, draft.files) : [];
      }),
    );
    return rows.map((row) => {
      const id = ids.get(keyOf(row));
      if (id === undefined) throw new Error('release vanished between two statements');
      return id;
    });
  }

  private existing(manager: EntityManager, keys: readonly Omit<Known, 'id'>[]): Promise<Known[]> {
    return manager.query<Known[]>(
      `select r.id, r.component_id as component, r.content_digest as digest
       from jsonb_to_recordset($1::jsonb) as k(component text, digest text)
       join release r on r.component_id = k.component and r.content_digest = k.digest`,
      [JSON.stringify(keys.map(({ component, digest }) => ({ component, digest })))],
    );
  }

  private async insertFiles(manager: EntityManager, files: readonly NewFile[]): Promise<void> {
    if (files.length === 0) return;
    await manager.query(
      `insert into release_file (release_id, path, role, sha256, size, from_version, signature_path, signature_sha256, signature_size)
       select release, path, role, sha256, size, "fromVersion", "signaturePath", "signatureSha256", "signatureSize"
       from jsonb_to_recordset($1::jsonb) as f(release uuid, path text, role text, sha256 text, size bigint, "fromVersion" text,
         "signaturePath" text, "signatureSha256" text, "signatureSize" bigint)`,
      [JSON.stringify(files)],
    );
  }

  /** Components of whose mirrored releases the last one in a channel had a signature of every file. */
  async signedComponents(channel: string): Promise<Set<string>> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `with last as (
         select distinct on (r.component_id) r.id, r.component_id
         from release_publication p join release r on r.id = p.release_id
         where p.channel = $1 and r.origin = 'mirrored' order by r.component_id, p.last_at desc)
       select last.component_id as id from last join release_file f on f.release_id = last.id
       group by last.component_id having bool_and(f.signature_sha256 is not null)`,
      [channel],
    );
    return new Set(rows.map(({ id }) => id));
  }

  find(id: string): Promise<Release | null> {
    return this.dataSource.getRepository(Release).findOneBy({ id });
  }

  async findMany(ids: string[]): Promise<Map<string, Release>> {
    if (ids.length === 0) return new Map();
    const rows = await this.dataSource.getRepository(Release).findBy({ id: Any(ids) });
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

  /**
   * Releases that a channel has published of a component, the one in force last first, each once. Each was in force from `first_at` on,
   * and for the last time at `last_at`: what came and went while another was still to come back had been rolled back.
   */
  async publications(componentId: string, channel: string): Promise<Publication[]> {
    const rows = await this.dataSource.query<({ id: string } & Omit<Publication, 'release'>)[]>(
      `with mine as (
         select p.release_id as id, p.first_at, p.last_at from release_publication p join release r on r.id = p.release_id
         where r.component_id = $1 and p.channel = $2)
       select id, first_at as "firstAt",
         exists (select from mine other where other.first_at < mine.first_at and other.last_at > mine.last_at) as "rolledBack"
       from mine order by last_at desc, first_at desc`,
      [componentId, channel],
    );
    const releases = await this.findMany(rows.map((row) => row.id));
    return rows.flatMap(({ id, ...facts }) => {
      const release = releases.get(id);
      return release === undefined ? [] : [{ release, ...facts }];
    });
  }
}
