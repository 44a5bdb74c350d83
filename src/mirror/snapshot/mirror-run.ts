import { createHash } from 'node:crypto';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { IniDocument, MAX_MANIFEST_BYTES } from '../manifest/ini-document.js';
import { truncationSign } from '../manifest/manifest-truncation.js';
import { Manifest } from '../manifest/manifest.js';
import { conditionalOn } from '../upstream/conditional.js';
import type { SmallContent, Validators } from '../upstream/source.js';
import { fetchRound } from './fetch-round.js';
import type { GroupResult, RoundInput, RoundProgress } from './round-input.js';
import { MANIFEST_PATH } from './held-file.js';
import { inAnySpelling } from './spelled-source.js';
import type { ManifestDoubt } from './upstream-memory.js';

/** A source that breaks off in the same way for so long means it, although the rest of its manifest goes on changing. */
const DOUBT_MS = 3_600_000;
/** How often a manifest may change under our hands before we let the source finish. */
const ROUNDS = 3;

export type RunPhase = 'manifest' | 'files' | 'confirm';

export interface RunProgress extends RoundProgress {
  phase(phase: RunPhase): void;
}

export interface MirrorRunInput extends RoundInput {
  validators: Validators;
  /** A 304 suffices: same plan as last time, and nothing was left over. */
  settled: boolean;
  /** What this server has in force: a source that answers from one of these is this server itself. */
  ownSnapshots: ReadonlySet<string>;
  /** What was not believed before; emptied when the manifest is taken as it is. */
  doubts: { held: ManifestDoubt | undefined };
  progress: RunProgress;
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
  if (got.snapshot !== undefined && input.ownSnapshots.has(got.snapshot))
    throw new AppError('upstream', 'source-is-self.answering', { details: { url: input.source.url } });
  if (got.status === 'ok') return got;
  return input.settled || input.lastManifest === null
    ? null
    : { status: 'ok', body: input.lastManifest, ...input.validators };
}

function parseManifest(bytes: Buffer): Manifest {
  const manifest = Manifest.parse(bytes);
  if (manifest.units.size === 0) throw new AppError('upstream', 'manifest-empty');
  return manifest;
}

/** What breaks off is not believed at first. The same words a second time, or the same end for an hour, are what the source means. */
function requireWhole({ lastManifest, doubts, now, logger }: MirrorRunInput, body: Buffer, manifest: Manifest): void {
  const doubt = doubts.held;
  doubts.held = undefined;
  if (lastManifest?.equals(body)) return;
  const words = truncationSign(manifest, lastManifest === null ? null : IniDocument.parse(lastManifest));
  if (words === null) return;
  const sign = words.en;
  const manifestSha256 = createHash('sha256').update(body).digest('hex');
  const doubtedMs = doubt?.sign === sign ? now.getTime() - Date.parse(doubt.since) : -1;
  if (manifestSha256 !== doubt?.manifestSha256 && doubtedMs < DOUBT_MS) {
    // A time to come is left when the clock was set back since.
    const since = doubt === undefined || doubtedMs < 0 ? now.toISOString() : doubt.since;
    doubts.held = { sign, manifestSha256, since };
    throw new AppError('upstream', 'upstream-publishing.breaks-off', {
      values: { sign: words },
      details: { sign, manifestSha256, since },
    });
  }
  logger.warn({ sign, manifestSha256 }, 'the manifest still breaks off as it did before: it is taken as it is');
}

/**
 * Reads a source once: manifest, files, signatures, manifest again (activeupdate §7). Changes nothing but the blob store.
 * @throws AppError of the source for faults of the manifest itself, `upstream-publishing` when it would not stay still, `source-is-self`,
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
    const { groups, attempted, pause } = await fetchRound(
      { ...input, source: inAnySpelling(input.source, manifest) },
      manifest,
      isNews,
    );
    const read = { state: 'read' as const, manifest, manifestBytes: current.body, validators: current, groups, pause };
    if (!attempted) return read;
    const again = await confirm(input, current, groups);
    if (again === null) return read;
    if (round === ROUNDS)
      throw new AppError('upstream', 'upstream-publishing.changing', { values: { rounds: ROUNDS } });
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
