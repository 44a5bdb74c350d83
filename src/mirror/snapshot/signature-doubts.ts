import { AppError } from '../../platform/errors/app-error.js';
import type { FileReference, ManifestUnit } from '../manifest/manifest.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type { FetchedFile, FetchedSignature, GroupFetchInput } from './fetched-file.js';
import type { FileMap } from './held-file.js';
import type { PlanGroup } from './mirror-plan.js';
import { kindOfFile, signedKinds } from './signed-kinds.js';
import type { RememberedFile } from './upstream-memory.js';

/** What a source says for so long it means. */
const DOUBT_MS = 3_600_000;

type Memory = Pick<GroupFetchInput, 'remembered' | 'learnt' | 'now'>;
type Pair = { key: string; sha256: string; signature: string };
/** `early`: the signature came alone, so the content that it belongs to may follow. */
type DoubtWord = 'doubted' | 'early';

/** Stands for a signature that is not there, and may follow. */
export const NONE = '-';

/** A content and a signature of which only one is new: the source seems to be in the middle of publishing. */
interface Doubt {
  word: DoubtWord;
  sha256: string;
  signature: string;
  since: number;
}

/** Kept where files have their version, which signatures do not have. */
function doubtIn(known: RememberedFile | undefined): Doubt | null {
  const [, word, sha256 = '', signature = '', since = ''] =
    /^(doubted|early) ([0-9a-f]{64}) ([0-9a-f]{64}|-) (\S+)$/.exec(known?.version ?? '') ?? [];
  return sha256 === '' ? null : { word: word as DoubtWord, sha256, signature, since: Date.parse(since) };
}

/** What must outlast that a signature is asked for again. */
export function doubtKept(known: RememberedFile | undefined): string | null {
  return doubtIn(known) === null ? null : (known?.version ?? null);
}

/** Milliseconds for which this very pair has been doubted; null when it is not. */
function doubtedFor({ remembered, now }: Memory, { key, sha256, signature }: Pair): number | null {
  const doubt = doubtIn(remembered.get(signaturePathOf(key)));
  if (doubt?.sha256 !== sha256 || doubt.signature !== signature) return null;
  const ms = now.getTime() - doubt.since;
  // A time to come is left when the clock was set back since.
  return ms < 0 ? null : ms;
}

/** Notes it, unless it is noted already; false when the source has said the same for so long that it means it. */
function doubts(memory: Memory, pair: Pair, word: DoubtWord = 'doubted'): boolean {
  const ms = doubtedFor(memory, pair);
  if (ms !== null) return ms < DOUBT_MS;
  const path = signaturePathOf(pair.key);
  const known = memory.remembered.get(path);
  if (known === undefined) return true;
  const version = `${word} ${pair.sha256} ${pair.signature} ${memory.now.toISOString()}`;
  memory.remembered.set(path, { ...known, version });
  memory.learnt.add(path);
  return true;
}

/** Whether the file of a pair is to be asked for again, whatever its signature says. */
export function isDoubted(memory: Memory, pair: Pair): boolean {
  const ms = doubtedFor(memory, pair);
  return ms !== null && ms < DOUBT_MS;
}

/** What a proxy cut off has the validators of the whole: a signature in doubt is asked for without them. */
export function isSignatureDoubted({ remembered, now }: Memory, path: string): boolean {
  const known = remembered.get(path);
  const doubt = doubtIn(known);
  return doubt !== null && doubt.signature === known?.sha256 && now.getTime() - doubt.since < DOUBT_MS;
}

/** Whether the source's last content and signature are known, and what is published has the one without the other. */
export function isBrokenPair({ held, remembered }: Pick<GroupFetchInput, 'held' | 'remembered'>, key: string): boolean {
  const [file, signature] = [remembered.get(key)?.sha256, remembered.get(signaturePathOf(key))?.sha256];
  if (held === null || !file || !signature) return false;
  return held.get(signaturePathOf(key))?.sha256 === signature && held.get(key)?.sha256 !== file;
}

/** The vendor's certificate is another: each signature of before will be followed by a new one, and some may have been already. */
export function expectNewSignatures(memory: Memory, held: FileMap, files: readonly FileReference[]): void {
  for (const { key } of files) {
    const [content, signature] = [held.get(key), held.get(signaturePathOf(key))];
    if (content && signature) doubts(memory, { key, sha256: content.sha256, signature: signature.sha256 });
  }
}

/** What is known of a signature before the source is asked for it. */
export interface KnownSignature {
  /** That which came with this very content, if it had come before. */
  before: FetchedSignature | null;
  /** SHA-256 of what this source delivered last. */
  delivered: string | null;
}

/**
 * The signature that a content came with, and keeps, when only that is another now: the new one is as a rule of a content which is being
 * uploaded, and beside the old one products refuse both. Null when it was to be expected, or the source has said so for an hour: then
 * it was signed anew.
 */
export function stayingSignature(
  memory: Memory & Pick<GroupFetchInput, 'sharedSignatures'>,
  { reference: { key }, sha256, signature }: FetchedFile,
  { before, delivered }: KnownSignature,
): FetchedSignature | null {
  if (before === null || signature === null || before.sha256 === signature.sha256) return null;
  if (memory.sharedSignatures.has(signaturePathOf(key))) return null;
  if (isDoubted(memory, { key, sha256, signature: before.sha256 })) return null;
  const pair = { key, sha256, signature: signature.sha256 };
  if (doubtedFor(memory, pair) === null && delivered !== before.sha256) return null;
  return doubts(memory, pair, 'early') ? before : null;
}

/** Whether a file that is published keeps its signature for that reason. */
export function isSignatureHeldBack(memory: Memory & Pick<GroupFetchInput, 'held'>, key: string): boolean {
  const path = signaturePathOf(key);
  const doubt = doubtIn(memory.remembered.get(path));
  if (doubt === null || memory.held?.get(key)?.sha256 !== doubt.sha256) return false;
  return doubt.signature !== NONE && memory.held.get(path)?.sha256 !== doubt.signature;
}

/**
 * Whether a pair that is published is looked at again. A new signature beside the content of before may still be of another one, and one
 * that is older than its file that of a release which was never seen here.
 */
export function isUnsure(
  memory: Memory,
  { reference: { key }, sha256, mtime, signature }: FetchedFile,
  before: FetchedSignature | null,
): boolean {
  const pair = { key, sha256, signature: signature?.sha256 ?? NONE };
  if (signature === null) return isDoubted(memory, pair);
  if (before !== null && before.sha256 !== signature.sha256) return doubts(memory, pair, 'early');
  const isOlder = before === null && signature.mtime < mtime;
  if (isOlder) return doubts(memory, pair);
  return isDoubted(memory, pair);
}

/**
 * A signature that is not there may follow, unless files of its kind are known to have none; one that is shorter than the others may
 * be the beginning of one. Both are looked at again.
 * @throws AppError `upstream-publishing`
 */
export function withDoubts(
  memory: Memory,
  files: readonly FetchedFile[],
  group: PlanGroup,
  heldUnits: readonly ManifestUnit[],
  held: FileMap | null,
): FetchedFile[] {
  requireOwnSignatures(memory, files, group, heldUnits, held);
  const { unsigned } = signedKinds(group, heldUnits, held);
  let longest = 0;
  const see = (size = 0): void => void (longest = Math.max(longest, size));
  const ids = new Set(group.units.map((unit) => unit.id));
  for (const { id, files: before } of heldUnits)
    if (ids.has(id)) for (const { key } of before) see(held?.get(signaturePathOf(key))?.size);
  for (const { signature } of files) see(signature?.size);
  return files.map((file) => {
    const { reference, sha256, signature, doubted } = file;
    if (doubted) return file;
    const incomplete = signature === null ? !unsigned.has(kindOfFile(reference)) : signature.size < longest;
    const pair = { key: reference.key, sha256, signature: signature?.sha256 ?? NONE };
    return incomplete && doubts(memory, pair) ? { ...file, doubted: true } : file;
  });
}

/**
 * Names of signatures are used again by every release (`v_239.sig`), so a source that uploads them last still has those of the
 * release before: beside a new content that is no pair, and products refuse both.
 * @throws AppError `upstream-publishing`
 */
export function requireOwnSignatures(
  memory: Memory,
  files: readonly FetchedFile[],
  group: PlanGroup,
  heldUnits: readonly ManifestUnit[],
  held: FileMap | null,
): void {
  if (held === null) return;
  const now = contentsBySignature(files.map(({ reference, sha256 }) => [reference.key, sha256]));
  const ids = new Set(group.units.map((unit) => unit.id));
  const before = contentsOf(
    heldUnits.filter(({ id }) => ids.has(id)),
    held,
  );
  let others: Contents | null = null;
  const stale: string[] = [];
  for (const { reference, sha256, signature } of files) {
    const key = signaturePathOf(reference.key);
    const contents = before.get(key);
    if (contents === undefined || signature === null || held.get(key)?.sha256 !== signature.sha256) continue;
    if ([...contents].some((each) => now.get(key)?.has(each))) continue;
    const pair = { key: reference.key, sha256, signature: signature.sha256 };
    // With new lines comes a new release, which has its own.
    if (group.action === 'same' && cameEarly(memory, pair, contents)) {
      doubts(memory, pair);
      continue;
    }
    others ??= contentsOf(
      heldUnits.filter(({ id }) => !ids.has(id)),
      held,
    );
    if (others.has(key) || isOfAnything(signature.sha256, [before, others], held)) continue;
    if (doubts(memory, pair)) stale.push(reference.path);
  }
  const [path] = stale;
  if (path === undefined) return;
  throw new AppError('upstream', 'upstream-publishing.signed-before', { details: { path } });
}

/** Whether a signature came without its file a while ago: what is beside it now is as a rule that, and is looked at again. */
function cameEarly(memory: Memory, { key, signature }: Pair, before: ReadonlySet<string>): boolean {
  const doubt = doubtIn(memory.remembered.get(signaturePathOf(key)));
  if (doubt?.word !== 'early' || doubt.signature !== signature || !before.has(doubt.sha256)) return false;
  return isDoubted(memory, { key, sha256: doubt.sha256, signature });
}

/** Contents by the name of the signature that stands beside them. */
type Contents = Map<string, Set<string>>;

/** What stands beside several contents is no signature of any of them; some test servers have such. */
function isOfAnything(signature: string, contents: readonly Contents[], held: FileMap): boolean {
  const beside = contents.flatMap((each) =>
    [...each].flatMap(([key, signed]) => (held.get(key)?.sha256 === signature ? [...signed] : [])),
  );
  return new Set(beside).size > 1;
}

function contentsOf(units: readonly ManifestUnit[], held: FileMap): Contents {
  const keys = new Set(units.flatMap((unit) => unit.files.map(({ key }) => key)));
  return contentsBySignature([...keys].map((key) => [key, held.get(key)?.sha256]));
}

function contentsBySignature(files: readonly (readonly [string, string | undefined])[]): Contents {
  const contents: Contents = new Map();
  for (const [key, sha256] of files) {
    if (sha256 === undefined) continue;
    const name = signaturePathOf(key);
    contents.set(name, (contents.get(name) ?? new Set()).add(sha256));
  }
  return contents;
}
