import { toAppError } from '../../platform/errors/app-error.js';
import type { BlobStore } from '../store/blob-store.js';
import { CHANNELS } from './channel.js';
import type { HeldFile } from './held-file.js';
import type { PublishedDirectory } from './published-directory.js';

/** A release as the database records it; all that its files are checked against. */
export interface RecordedFiles {
  id: string;
  componentId: string;
  version: string;
  origin: string;
  files: { path: string; sha256: string; size: number }[];
}

/**
 * `blob-corrupt`: the content is not that of its name · `blob-missing`: something needs it and it is not there · `blob-size`: a record
 * says another size · `snapshot-damaged`: the index of a snapshot cannot be read.
 */
export type ProblemCode = 'blob-corrupt' | 'blob-missing' | 'blob-size' | 'snapshot-damaged';

/**
 * What helps: a `download` fetches it again · the same `upload` again · `retention` removes what only earlier snapshots need, and
 * nothing brings it back · `nothing` needs it.
 */
export type Remedy = 'download' | 'upload' | 'retention' | 'nothing';

export interface VerifyProblem {
  code: ProblemCode;
  /** Null for a damaged index. */
  sha256: string | null;
  /** Bytes on the disk; null when it is missing. */
  size: number | null;
  /** Bytes that the records say. */
  expectedSize: number | null;
  /** `global/<snapshot>/<path>`, `release <component> <version> <path>`; the first ones. */
  usedBy: string[];
  remedy: Remedy;
  /** Moved to the quarantine by this call. */
  quarantined: boolean;
}

export interface VerifyReport {
  blobs: { count: number; bytes: number };
  snapshots: number;
  /** Null when the database could not be asked: then only what stands on the disk was checked. */
  releases: number | null;
  problems: VerifyProblem[];
}

export interface VerifyInput {
  blobs: BlobStore;
  directory: PublishedDirectory;
  /** Asked again when something is missing: a server may be at work beside. Null: there is no database. */
  releases: (() => Promise<RecordedFiles[]>) | null;
  /** Moves corrupt contents aside, and takes them out of the trees. */
  quarantine: boolean;
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

interface Use {
  label: string;
  size: number;
  inForce: boolean;
  uploaded: boolean;
  /** Where it stands in a tree. */
  place: { channel: (typeof CHANNELS)[number]; snapshot: string; file: HeldFile } | null;
}

interface References {
  uses: Map<string, Use[]>;
  snapshots: number;
  releases: number | null;
  damaged: VerifyProblem[];
}

const SHOWN_USES = 5;

/** Reads every content again, and compares what is there with what the trees and the database say must be there. */
export async function verifyStore(input: VerifyInput): Promise<VerifyReport> {
  const { blobs } = input;
  const references = await loadReferences(input);
  const present = new Map<string, number>();
  let totalBytes = 0;
  for await (const sha256 of blobs.list()) {
    const size = (await blobs.size(sha256)) ?? 0;
    present.set(sha256, size);
    totalBytes += size;
  }
  const problems: VerifyProblem[] = [...references.damaged];
  let doneBytes = 0;
  for (const [sha256, size] of present) {
    input.signal?.throwIfAborted();
    problems.push(...(await checkBlob(input, sha256, size, references.uses.get(sha256) ?? [])));
    doneBytes += size;
    input.onProgress?.(doneBytes, totalBytes);
  }
  const missing = [...references.uses.keys()].filter((sha256) => !present.has(sha256));
  if (missing.length > 0) problems.push(...(await stillMissing(input, missing)));
  const { snapshots, releases } = references;
  return { blobs: { count: present.size, bytes: totalBytes }, snapshots, releases, problems };
}

async function checkBlob(input: VerifyInput, sha256: string, size: number, uses: Use[]): Promise<VerifyProblem[]> {
  const { blobs, signal } = input;
  const state = await blobs.verify(sha256, signal).catch((fault: unknown) => {
    const { kind, code } = toAppError(fault);
    // Content that cannot be read is as good as wrong; one that went while we read was collected.
    if (kind === 'storage') return 'damaged' as const;
    if (code === 'blob-not-found') return 'missing' as const;
    throw fault;
  });
  const wrong = uses.find((use) => use.size !== size);
  const problem = (code: ProblemCode, quarantined: boolean): VerifyProblem[] => [
    {
      code,
      sha256,
      size,
      expectedSize: (wrong ?? uses[0])?.size ?? null,
      usedBy: uses.slice(0, SHOWN_USES).map((use) => use.label),
      remedy: remedyFor(uses),
      quarantined,
    },
  ];
  if (state === 'damaged') return problem('blob-corrupt', input.quarantine && (await setAside(input, sha256, uses)));
  return state === 'intact' && wrong !== undefined ? problem('blob-size', false) : [];
}

async function setAside({ blobs, directory }: VerifyInput, sha256: string, uses: Use[]): Promise<boolean> {
  const moved = await blobs.quarantine(sha256);
  for (const { place } of uses) if (place !== null) await directory.unlink(place.channel, place.snapshot, place.file);
  return moved;
}

/** A server beside us may have removed snapshots with their contents, or added some, since we looked. */
async function stillMissing(input: VerifyInput, missing: readonly string[]): Promise<VerifyProblem[]> {
  const { uses } = await loadReferences(input);
  const problems: VerifyProblem[] = [];
  for (const sha256 of missing) {
    const users = uses.get(sha256);
    if (users === undefined || (await input.blobs.has(sha256))) continue;
    problems.push({
      code: 'blob-missing',
      sha256,
      size: null,
      expectedSize: users[0]?.size ?? null,
      usedBy: users.slice(0, SHOWN_USES).map((use) => use.label),
      remedy: remedyFor(users),
      quarantined: false,
    });
  }
  return problems;
}

function remedyFor(uses: readonly Use[]): Remedy {
  if (uses.length === 0) return 'nothing';
  if (uses.some((use) => use.uploaded)) return 'upload';
  return uses.some((use) => use.inForce) ? 'download' : 'retention';
}

async function loadReferences({ directory, releases }: VerifyInput): Promise<References> {
  const uses = new Map<string, Use[]>();
  const add = (sha256: string, use: Use): void => {
    const known = uses.get(sha256);
    if (known === undefined) uses.set(sha256, [use]);
    // What is in force is told first.
    else if (use.inForce) known.unshift(use);
    else known.push(use);
  };
  const damaged: VerifyProblem[] = [];
  const snapshots = new Set<string>();
  for (const channel of CHANNELS) {
    const current = await directory.current(channel);
    for (const snapshot of await directory.snapshots(channel).catch(() => [])) {
      snapshots.add(snapshot);
      const label = `${channel}/${snapshot}`;
      const inForce = snapshot === current;
      try {
        for (const file of (await directory.readIndex(channel, snapshot)).files)
          add(file.sha256, {
            label: `${label}/${file.path}`,
            size: file.size,
            inForce,
            uploaded: false,
            place: { channel, snapshot, file },
          });
      } catch {
        damaged.push(damagedIndex(label, inForce));
      }
    }
  }
  const recorded = (await releases?.()) ?? null;
  for (const release of recorded ?? [])
    for (const file of release.files)
      add(file.sha256, {
        label: `release ${release.componentId} ${release.version} ${file.path}`,
        size: file.size,
        inForce: false,
        uploaded: release.origin === 'uploaded',
        place: null,
      });
  return { uses, snapshots: snapshots.size, releases: recorded?.length ?? null, damaged };
}

function damagedIndex(label: string, inForce: boolean): VerifyProblem {
  return {
    code: 'snapshot-damaged',
    sha256: null,
    size: null,
    expectedSize: null,
    usedBy: [`${label}/index.json`],
    remedy: inForce ? 'download' : 'retention',
    quarantined: false,
  };
}
