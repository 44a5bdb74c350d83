import { readFile } from 'node:fs/promises';
import type { DataSource } from 'typeorm';
import type { BlobStore } from '../store/blob-store.js';
import type { StoredFault } from '../../platform/errors/app-error.js';
import type { SignatureDoubt } from './signature-doubts.js';
import { conditionalOn } from '../upstream/conditional.js';
import type { Validators } from '../upstream/source.js';

/** What a path of a source held when it was last fetched. `sha256` null: the source said that there is no such file. */
export interface RememberedFile {
  path: string;
  sha256: string | null;
  size: number | null;
  /** Of the entry, when the file was fetched; of a signature, SHA-256 of the content that it came with. */
  version: string | null;
  etag: string | null;
  lastModified: string | null;
}

export interface RememberedError extends StoredFault {
  /** Outlives other errors, until the source is read. */
  doubt?: ManifestDoubt;
}

/** A manifest that was not believed, because it seemed to break off. */
export interface ManifestDoubt {
  /** How it breaks off. */
  sign: string;
  manifestSha256: string;
  /** ISO 8601: since when this source breaks off like this. */
  since: string;
}

/** Validators and standing of a source between runs. */
export interface UpstreamState {
  etag: string | null;
  lastModified: string | null;
  manifestSha256: string | null;
  planFingerprint: string | null;
  /** Nothing was left over when the manifest was last read. */
  complete: boolean;
  /** Keys of groups that have not changed, but of which a signature could not be had. */
  lookAgain: string[];
  /** By key of a group, ISO 8601: since when the source has been seen without signatures that its earlier files had. */
  unsignedSince: Record<string, string>;
  coolDownUntil: Date | null;
  coolDownReason: string | null;
  failingSince: Date | null;
  lastError: RememberedError | null;
  /** When the manifest was last read and used. */
  readAt: Date | null;
}

/** What was kept for asking again. */
export function validatorsOf({ etag, lastModified }: Pick<UpstreamState, 'etag' | 'lastModified'>): Validators {
  return { ...(etag === null ? {} : { etag }), ...(lastModified === null ? {} : { lastModified }) };
}

/** What is kept for asking again. */
export function askedWith(validators: Validators): Pick<UpstreamState, 'etag' | 'lastModified'> {
  const { etag, lastModified } = conditionalOn(validators).conditional ?? {};
  return { etag: etag ?? null, lastModified: lastModified ?? null };
}

/** Content of the manifest that was used last, when it is held. */
export async function lastManifest(state: UpstreamState, blobs: BlobStore): Promise<Buffer | null> {
  if (state.manifestSha256 === null || !(await blobs.has(state.manifestSha256))) return null;
  return readFile(blobs.pathOf(state.manifestSha256));
}

/** However long a pause the source asks for. */
export const LONGEST_COOL_DOWN_MS = 24 * 3600_000;

const NOTHING_KNOWN: UpstreamState = {
  etag: null,
  lastModified: null,
  manifestSha256: null,
  planFingerprint: null,
  complete: false,
  lookAgain: [],
  unsignedSince: {},
  coolDownUntil: null,
  coolDownReason: null,
  failingSince: null,
  lastError: null,
  readAt: null,
};

/** Keeps in the database what was learnt of the sources, so that a restart fetches nothing twice. */
export class UpstreamMemory {
  constructor(private readonly dataSource: DataSource) {}

  async files(source: string): Promise<Map<string, RememberedFile>> {
    const rows = await this.dataSource.query<(RememberedFile & { size: string | null })[]>(
      `select path, sha256, size, version, etag, last_modified as "lastModified" from upstream_file where source = $1`,
      [source],
    );
    return new Map(rows.map((row) => [row.path, { ...row, size: row.size === null ? null : Number(row.size) }]));
  }

  /** What any of these sources has delivered, as `path sha256`. */
  async delivered(sources: readonly string[]): Promise<Set<string>> {
    const rows = await this.dataSource.query<{ content: string }[]>(
      `select path || ' ' || sha256 as content from upstream_file where source = any($1) and sha256 is not null`,
      [sources],
    );
    return new Set(rows.map(({ content }) => content));
  }

  async rememberFiles(source: string, files: RememberedFile[], now: Date): Promise<void> {
    if (files.length === 0) return;
    await this.dataSource.query(
      `insert into upstream_file (source, path, sha256, size, version, etag, last_modified, seen_at)
       select $1, f.path, f.sha256, f.size, f.version, f.etag, f."lastModified", $3
       from jsonb_to_recordset($2::jsonb)
         as f(path text, sha256 text, size bigint, version text, etag text, "lastModified" text)
       on conflict (source, path) do update set sha256 = excluded.sha256, size = excluded.size, version = excluded.version,
         etag = excluded.etag, last_modified = excluded.last_modified, seen_at = excluded.seen_at`,
      [source, JSON.stringify(files), now],
    );
  }

  doubts(source: string): Promise<SignatureDoubt[]> {
    return this.dataSource.query(
      `select path, sha256, signature_sha256 as signature, since from signature_doubt where source = $1`,
      [source],
    );
  }

  async rememberDoubts(source: string, doubts: readonly SignatureDoubt[]): Promise<void> {
    if (doubts.length === 0) return;
    // Of one content the last is the one that counts.
    const byContent = new Map(doubts.map((doubt) => [`${doubt.path} ${doubt.sha256}`, doubt]));
    await this.dataSource.query(
      `insert into signature_doubt (source, path, sha256, signature_sha256, since)
       select $1, d.path, d.sha256, d.signature, d.since
       from jsonb_to_recordset($2::jsonb) as d(path text, sha256 text, signature text, since timestamptz)
       on conflict (source, path, sha256) do update set signature_sha256 = excluded.signature_sha256, since = excluded.since`,
      [source, JSON.stringify([...byContent.values()])],
    );
  }

  async state(source: string): Promise<UpstreamState> {
    const [row] = await this.dataSource.query<UpstreamState[]>(
      `select etag, last_modified as "lastModified", manifest_sha256 as "manifestSha256", plan_fingerprint as "planFingerprint",
         complete, look_again as "lookAgain", unsigned_since as "unsignedSince", cool_down_until as "coolDownUntil",
         cool_down_reason as "coolDownReason", failing_since as "failingSince", last_error as "lastError", read_at as "readAt"
       from upstream_state where source = $1`,
      [source],
    );
    return row ?? NOTHING_KNOWN;
  }

  /** A manifest was read and used. */
  async manifestRead(
    source: string,
    read: {
      etag: string | null;
      lastModified: string | null;
      manifestSha256: string;
      planFingerprint: string;
      complete: boolean;
      lookAgain: string[];
      unsignedSince: Record<string, Date>;
    },
    now: Date,
  ): Promise<void> {
    await this.dataSource.query(
      `insert into upstream_state (source, etag, last_modified, manifest_sha256, plan_fingerprint, complete, look_again, unsigned_since, read_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       on conflict (source) do update set etag = $2, last_modified = $3, manifest_sha256 = $4, plan_fingerprint = $5,
         complete = $6, look_again = $7, unsigned_since = $8, read_at = $9`,
      [
        source,
        read.etag,
        read.lastModified,
        read.manifestSha256,
        read.planFingerprint,
        read.complete,
        read.lookAgain,
        JSON.stringify(read.unsignedSince),
        now,
      ],
    );
  }

  /** The manifest is the same as ever; asking for it may be cheaper from now on. */
  async manifestStands(source: string, validators: Validators): Promise<void> {
    const { etag, lastModified } = askedWith(validators);
    await this.dataSource.query(`update upstream_state set etag = $2, last_modified = $3 where source = $1`, [
      source,
      etag,
      lastModified,
    ]);
  }

  /** The source answered, whatever it answered: it is not failing any more. Writes only when it was. */
  async answered(source: string): Promise<void> {
    await this.dataSource.query(
      `update upstream_state set cool_down_until = null, cool_down_reason = null, failing_since = null, last_error = null
       where source = $1 and (failing_since is not null or cool_down_until is not null)`,
      [source],
    );
  }

  /** A pause that the source has asked for is not shortened by another fault, such as a person's try that timed out. */
  async failed(source: string, error: RememberedError, coolDownUntil: Date | null, now: Date): Promise<void> {
    const latest = new Date(now.getTime() + LONGEST_COOL_DOWN_MS);
    // One that ends later than any can was noted before the clock was set back.
    const longer = `upstream_state.cool_down_until > coalesce($4, $2) and upstream_state.cool_down_until <= $6`;
    await this.dataSource.query(
      `insert into upstream_state (source, failing_since, last_error, cool_down_until, cool_down_reason)
       values ($1, $2, $3, $4, $5)
       on conflict (source) do update set failing_since = coalesce(upstream_state.failing_since, $2), last_error = $3,
         cool_down_until = case when ${longer} then upstream_state.cool_down_until else $4 end,
         cool_down_reason = case when ${longer} then upstream_state.cool_down_reason else $5 end`,
      [source, now, JSON.stringify(error), coolDownUntil, coolDownUntil === null ? null : error.code, latest],
    );
  }
}
