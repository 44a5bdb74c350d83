import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import { IniDocument, MAX_MANIFEST_BYTES } from '../manifest/ini-document.js';
import { truncationSign } from '../manifest/manifest-truncation.js';
import { Manifest } from '../manifest/manifest.js';
import type { BlobStore } from '../store/blob-store.js';
import { conditionalOn } from '../upstream/conditional.js';
import type { SmallContent, UpstreamSource, Validators } from '../upstream/source.js';
import { DiskRoom } from './disk-room.js';
import { fetchGroup, type FetchedFile, type FetchProgress, type GroupFetchInput } from './group-fetch.js';
import { MANIFEST_PATH } from './held-file.js';
import { isSignedAnew, laterSignatures } from './later-signatures.js';
import { planMirror, type GroupFault, type HeldTree, type PlanGroup, type PlanInput } from './mirror-plan.js';
import { holdBackSharers } from './shared-files.js';
import type { ManifestDoubt, RememberedFile } from './upstream-memory.js';

/** A source that breaks off in the same way for so long means it, although the rest of its manifest goes on changing. */
const DOUBT_MS = 3_600_000;
/** How often a manifest may change under our hands before we let the source finish. */
const ROUNDS = 3;

export type RunPhase = 'manifest' | 'files' | 'confirm';

export interface RunProgress extends FetchProgress {
  phase(phase: RunPhase): void;
  /** Restarted with each round. */
  planned(files: number, bytes: number): void;
}

export interface MirrorRunInput {
  source: UpstreamSource;
  blobs: BlobStore;
  /** By lower-cased path; the run adds what it learns. */
  remembered: Map<string, RememberedFile>;
  /** Receives the paths whose memory changed, also when the run fails later. */
  learnt: Set<string>;
  validators: Validators;
  /** A 304 suffices: same plan as last time, and nothing was left over. */
  settled: boolean;
  /** Content of the manifest that `validators` stand for, when it is held. */
  lastManifest: Buffer | null;
  /** What was not believed before; emptied when the manifest is taken as it is. */
  doubts: { held: ManifestDoubt | undefined };
  plan: Omit<PlanInput, 'upstream' | 'held'>;
  held: HeldTree | null;
  parallel: number;
  /** What may still be written to the disk; a run that cannot fit is not begun. */
  freeBytes: () => number;
  now: Date;
  signal: AbortSignal;
  progress: RunProgress;
  logger: Logger;
}

export interface GroupResult extends PlanGroup {
  /** Files of a group whose action is `fetch`; of a `same` one only signatures that came late. */
  files: FetchedFile[];
  /** Something that was looked for in vain may be there next time, although the manifest stays. */
  lookAgain?: boolean;
}

interface Round {
  groups: GroupResult[];
  /** Files were asked for, so the manifest may have changed under our hands. */
  attempted: boolean;
  /** What the source said when it asked for a pause. */
  pause: AppError | null;
}

export type MirrorRunResult =
  /** `validators` as they are now, when the manifest had to be read to find out. */
  | { state: 'unchanged'; validators?: Validators }
  | {
      state: 'read';
      manifest: Manifest;
      manifestBytes: Buffer;
      validators: Validators;
      groups: GroupResult[];
      /** The source asked for a pause while files were fetched. */
      pause: AppError | null;
    };

async function readManifest(input: MirrorRunInput): Promise<SmallContent | null> {
  const usable = input.settled || input.lastManifest !== null;
  const got = await input.source.fetchSmall(MANIFEST_PATH, {
    maxBytes: MAX_MANIFEST_BYTES,
    signal: input.signal,
    ...(usable ? conditionalOn(input.validators) : {}),
  });
  if (got.status === 'ok') return got;
  return input.settled || input.lastManifest === null
    ? null
    : { status: 'ok', body: input.lastManifest, ...input.validators };
}

function parseManifest(bytes: Buffer): Manifest {
  const manifest = Manifest.parse(bytes);
  if (manifest.units.size === 0)
    throw new AppError('upstream', 'manifest-empty', "The source's manifest names no component at all.");
  return manifest;
}

/** What breaks off is not believed at first. The same words a second time, or the same end for an hour, are what the source means. */
function requireWhole({ lastManifest, doubts, now, logger }: MirrorRunInput, body: Buffer, manifest: Manifest): void {
  const doubt = doubts.held;
  doubts.held = undefined;
  if (lastManifest?.equals(body)) return;
  const sign = truncationSign(manifest, lastManifest === null ? null : IniDocument.parse(lastManifest));
  if (sign === null) return;
  const manifestSha256 = createHash('sha256').update(body).digest('hex');
  const doubtedMs = doubt?.sign === sign ? now.getTime() - Date.parse(doubt.since) : -1;
  if (manifestSha256 !== doubt?.manifestSha256 && doubtedMs < DOUBT_MS) {
    // A time to come is left when the clock was set back since.
    const since = doubt === undefined || doubtedMs < 0 ? now.toISOString() : doubt.since;
    doubts.held = { sign, manifestSha256, since };
    throw new AppError(
      'upstream',
      'upstream-publishing',
      `The source's manifest breaks off: ${sign}. It seems to be in the middle of publishing; if it says the same next time, or still breaks off like this in an hour, that is taken as it is.`,
      { details: { sign, manifestSha256, since } },
    );
  }
  logger.warn({ sign, manifestSha256 }, 'the manifest still breaks off as it did before: it is taken as it is');
}

/** Faults that make the whole run pointless, whichever file they met. */
function endsRun(fault: AppError): boolean {
  return fault.kind === 'storage' || fault.kind === 'internal' || fault.code === 'cancelled';
}

/** A large file that begins last would be waited for alone. */
function largestFirst(groups: PlanGroup[]): PlanGroup[] {
  const largest = (group: PlanGroup): number =>
    Math.max(0, ...group.units.flatMap((unit) => unit.files.map((file) => file.size ?? 0)));
  return groups.sort((a, b) => largest(b) - largest(a));
}

async function fetchRound(input: MirrorRunInput, manifest: Manifest, isNews: boolean): Promise<Round> {
  const groups = largestFirst(planMirror({ ...input.plan, upstream: manifest, held: input.held }));
  const wanted = groups
    .filter((group) => group.action === 'fetch')
    .flatMap((group) => group.units.flatMap((unit) => unit.files));
  const bytes = wanted.reduce((sum, file) => sum + (file.size ?? 0), 0);
  input.progress.planned(wanted.length, bytes);
  requireSpace(input, wanted, bytes);
  const fetch: GroupFetchInput = {
    source: input.source,
    blobs: input.blobs,
    remembered: input.remembered,
    learnt: input.learnt,
    held: input.held?.files ?? null,
    limit: pLimit(input.parallel),
    room: new DiskRoom(input.freeBytes, bytes),
    progress: input.progress,
    now: input.now,
    signal: input.signal,
  };
  const signedAnew = isNews && isSignedAnew(manifest, input.lastManifest);
  const heldUnits = [...(input.held?.manifest.units.values() ?? [])];
  const fatal: AppError[] = [];
  let pause: AppError | null = null;
  const results = await Promise.all(
    groups.map(async (group): Promise<GroupResult> => {
      try {
        if (group.action === 'fetch') return { ...group, files: await fetchGroup(fetch, group, heldUnits) };
        if (group.action === 'same' && isNews)
          return { ...group, files: await laterSignatures(fetch, group, input.held, signedAnew) };
        return { ...group, files: [] };
      } catch (thrown) {
        const error = toAppError(thrown);
        if (typeof error.details['retryAfterSeconds'] === 'number') pause ??= error;
        if (endsRun(error)) fatal.push(error);
        else input.logger.warn({ group: group.key, code: error.code, details: error.details }, error.message);
        const fault: GroupFault = { code: error.code, message: messageOf(error) };
        return group.action === 'same'
          ? { ...group, files: [], lookAgain: true }
          : { ...group, action: 'earlier', fault, files: [] };
      }
    }),
  );
  const first = fatal.find((error) => error.code !== 'cancelled') ?? fatal[0];
  if (first !== undefined) throw first;
  return {
    groups: holdBackSharers(results, { held: input.held, componentOfUnit: input.plan.componentOfUnit }),
    attempted: groups.some((group) => group.action === 'fetch'),
    pause,
  };
}

/** Says which of the component's many files it was. */
function messageOf({ message, details: { path } }: AppError): string {
  return typeof path !== 'string' || message.includes(path) ? message : `${path}: ${message}`;
}

function requireSpace(input: MirrorRunInput, wanted: { key: string; size: number | null }[], bytes: number): void {
  const held = wanted.reduce(
    (sum, file) => sum + (input.remembered.get(file.key)?.size === file.size ? (file.size ?? 0) : 0),
    0,
  );
  const free = input.freeBytes();
  if (bytes - held > free)
    throw new AppError(
      'storage',
      'disk-full',
      `This needs ${bytes - held} bytes, but the disk has only ${free} left.`,
      {
        details: { neededBytes: bytes - held, freeBytes: free },
      },
    );
}

/**
 * Reads a source once: manifest, files, signatures, manifest again (activeupdate §7). Changes nothing but the blob store.
 * @throws AppError of the source for faults of the manifest itself, `upstream-publishing` when it would not stay still,
 *   kind `storage` for our disk, `cancelled`.
 */
export async function mirrorRun(input: MirrorRunInput): Promise<MirrorRunResult> {
  input.progress.phase('manifest');
  const first = await readManifest(input);
  if (first === null) return { state: 'unchanged' };
  if (input.settled && input.lastManifest?.equals(first.body)) return { state: 'unchanged', validators: first };
  let current: SmallContent = first;
  for (let round = 1; ; round++) {
    const manifest = parseManifest(current.body);
    requireWhole(input, current.body, manifest);
    input.progress.phase('files');
    const isNews = input.lastManifest === null || !input.lastManifest.equals(current.body);
    const { groups, attempted, pause } = await fetchRound(input, manifest, isNews);
    const read = { state: 'read' as const, manifest, manifestBytes: current.body, validators: current, groups, pause };
    if (!attempted) return read;
    const again = await confirm(input, current, groups);
    if (again === null) return read;
    if (round === ROUNDS)
      throw new AppError(
        'upstream',
        'upstream-publishing',
        `The source changed its manifest ${ROUNDS} times while it was being read; it is in the middle of publishing.`,
      );
    current = again;
  }
}

/** Reads the manifest again; null when it stands. */
async function confirm(
  input: MirrorRunInput,
  current: SmallContent,
  groups: readonly GroupResult[],
): Promise<SmallContent | null> {
  input.progress.phase('confirm');
  // Files that hang must not keep the rest from being published.
  input.source.reset();
  try {
    const again = await input.source.fetchSmall(MANIFEST_PATH, {
      maxBytes: MAX_MANIFEST_BYTES,
      signal: input.signal,
      ...conditionalOn(current),
    });
    return again.status === 'not-modified' || again.body.equals(current.body) ? null : again;
  } catch (thrown) {
    const error = toAppError(thrown);
    // Nothing was brought that would have to be consistent, and each component has its own reason already.
    if (error.kind === 'upstream' && groups.every((group) => group.action !== 'fetch')) return null;
    throw error;
  }
}
