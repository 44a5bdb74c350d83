import { AppError } from '../../platform/errors/app-error.js';
import type { ManifestUnit } from '../manifest/manifest.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type { FetchedFile, FetchedSignature, GroupFetchInput } from './fetched-file.js';
import type { FileMap } from './held-file.js';
import type { PlanGroup } from './mirror-plan.js';
import { heldOf, othersThan, kindOfFile, signedKinds, type HeldUnits } from './signed-kinds.js';

type Memory = Pick<GroupFetchInput, 'signatureDoubts'>;
type Unsigned = Pick<GroupFetchInput, 'held' | 'signaturesOptional' | 'signedBefore' | 'unsignedSince' | 'now'>;

const GONE_MS = 24 * 3_600_000;
/** Whole signatures differ by less in length, as with numbers without leading zeros; what is cut off lacks more as a rule. */
const CUT_OFF_BYTES = 16;

/** Whether the source's last content and signature are known, and what is published has the one without the other. */
export function isBrokenPair({ held, remembered }: Pick<GroupFetchInput, 'held' | 'remembered'>, key: string): boolean {
  const [file, signature] = [remembered.get(key)?.sha256, remembered.get(signaturePathOf(key))?.sha256];
  if (held === null || !file || !signature) return false;
  return held.get(signaturePathOf(key))?.sha256 === signature && held.get(key)?.sha256 !== file;
}

/**
 * Whether a pair that is published is looked at again. A new signature beside the content of before may still be of another one, and one
 * that is older than its file that of a release which was never seen here.
 */
export function isUnsure(
  { signatureDoubts: doubts }: Memory,
  { reference: { key }, sha256, mtime, signature }: FetchedFile,
  before: FetchedSignature | null,
): boolean {
  const pair = { key, sha256, signature: signature?.sha256 ?? null };
  if (signature === null) return doubts.isDoubted(pair);
  const alone = before !== null && before.sha256 !== signature.sha256;
  const older = before === null && signature.mtime < mtime;
  return alone || older ? doubts.note(pair) : doubts.isOpen(pair);
}

/**
 * Files without a signature, although earlier ones of their kind had one, or all of a component that comes back: perhaps it only
 * follows. Components that may do without it wait for it as well, as long as for any other that may follow.
 * @throws AppError `upstream-publishing`; `signatures-gone` when it has been so for a day, which no vendor needs to publish.
 */
export function requireSignatures(
  { signatureDoubts, held, ...input }: Memory & Unsigned,
  files: readonly FetchedFile[],
  group: PlanGroup,
  heldUnits: HeldUnits,
): void {
  const { signed } = signedKinds(group, heldUnits, held);
  const isBack =
    group.componentId !== null && input.signedBefore.has(group.componentId) && heldOf(group, heldUnits).length === 0;
  const bare = files.filter(
    ({ signature, reference }) => signature === null && (isBack || signed.has(kindOfFile(reference))),
  );
  const awaited = bare.filter(({ reference: { key }, sha256 }) =>
    signatureDoubts.note({ key, sha256, signature: null }),
  );
  const isOptional = group.componentId !== null && input.signaturesOptional.has(group.componentId);
  const [first] = isOptional ? awaited : bare;
  if (first !== undefined) throw unsignedFault(input, group, first.reference.path, isOptional);
}

function unsignedFault(
  { unsignedSince, now }: Pick<Unsigned, 'unsignedSince' | 'now'>,
  { key, componentId: component, units }: PlanGroup,
  path: string,
  isOptional: boolean,
): AppError {
  const known = unsignedSince.get(key) ?? now;
  // A time to come is left when the clock was set back since.
  const since = known > now ? now : known;
  const details = { path, unsignedSince: since.toISOString() };
  if (isOptional) return new AppError('upstream', 'upstream-publishing.unsigned-for-now', { details });
  if (now.getTime() - since.getTime() < GONE_MS)
    return new AppError('upstream', 'upstream-publishing.unsigned', { details });
  if (component !== null) return new AppError('upstream', 'signatures-gone', { details: { ...details, component } });
  const entry = units[0]?.id ?? key;
  return new AppError('upstream', 'signatures-gone.unclaimed', { details: { ...details, entry } });
}

/**
 * A signature that is not there may follow, unless files of its kind are known to have none; one that is much shorter than the
 * others may be the beginning of one. Both are looked at again.
 * @throws AppError `upstream-publishing`
 */
export function withDoubts(
  memory: Memory,
  files: readonly FetchedFile[],
  group: PlanGroup,
  heldUnits: HeldUnits,
  held: FileMap | null,
): FetchedFile[] {
  const doubts = memory.signatureDoubts;
  requireOwnSignatures(memory, files, group, heldUnits, held);
  const { unsigned } = signedKinds(group, heldUnits, held);
  let longest = 0;
  const see = (size = 0): void => void (longest = Math.max(longest, size));
  for (const { files: before } of heldOf(group, heldUnits))
    for (const { key } of before) see(held?.get(signaturePathOf(key))?.size);
  for (const { signature } of files) see(signature?.size);
  return files.map((file) => {
    const { reference, sha256, signature, doubted } = file;
    const pair = { key: reference.key, sha256, signature: signature?.sha256 ?? null };
    const published = held?.get(signaturePathOf(reference.key))?.sha256;
    const isAwaited =
      pair.signature !== null && pair.signature !== published && doubts.isDoubted({ ...pair, signature: null });
    if (doubted && !isAwaited) return file;
    const incomplete =
      signature === null ? !unsigned.has(kindOfFile(reference)) : longest - signature.size >= CUT_OFF_BYTES;
    if (incomplete && doubts.note(pair)) return { ...file, doubted: true };
    if (isAwaited) doubts.arrived(pair);
    return file;
  });
}

/**
 * Names of signatures are used again by every release (`v_239.sig`), so a source that uploads them last still has those of the
 * release before: beside a new content that is no pair, and products refuse both.
 * @throws AppError `upstream-publishing`
 */
export function requireOwnSignatures(
  { signatureDoubts: doubts }: Memory,
  files: readonly FetchedFile[],
  group: PlanGroup,
  heldUnits: HeldUnits,
  held: FileMap | null,
): void {
  if (held === null) return;
  const now = contentsBySignature(files.map(({ reference, sha256 }) => [reference.key, sha256]));
  const before = contentsOf(heldOf(group, heldUnits), held);
  let others: Contents | null = null;
  const stale: string[] = [];
  for (const { reference, sha256, signature } of files) {
    const key = signaturePathOf(reference.key);
    const contents = before.get(key);
    if (contents === undefined || signature === null || held.get(key)?.sha256 !== signature.sha256) continue;
    if ([...contents].some((each) => now.get(key)?.has(each))) continue;
    const pair = { key: reference.key, sha256, signature: signature.sha256 };
    // It came without its file, and here that is as a rule. With new lines comes a new release, which has its own.
    if (group.action === 'same' && doubts.isBeside(key, signature.sha256, contents)) {
      doubts.note(pair);
      continue;
    }
    others ??= contentsOf(othersThan(group, heldUnits), held);
    if (others.has(key) || isOfAnything(signature.sha256, [before, others], held)) continue;
    if (doubts.note(pair)) stale.push(reference.path);
  }
  const [path] = stale;
  if (path === undefined) return;
  throw new AppError('upstream', 'upstream-publishing.signed-before', { details: { path } });
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
