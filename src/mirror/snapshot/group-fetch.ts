import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { FileReference, ManifestUnit } from '../manifest/manifest.js';
import { conditionalOn } from '../upstream/conditional.js';
import { stayingSignature, type KnownSignature } from './early-signatures.js';
import type { Slots } from './fair-slots.js';
import type { FetchedFile, FetchedSignature, FileContent, GroupFetchInput, OfGroup } from './fetched-file.js';
import type { PlanGroup } from './mirror-plan.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type { HeldUnits } from './signed-kinds.js';
import { isBrokenPair, isUnsure, requireSignatures, withDoubts } from './signed-pairs.js';
import { askedWith, validatorsOf, type RememberedFile } from './upstream-memory.js';

/** Largest signature that is taken; real ones have a few hundred bytes. */
const MAX_SIGNATURE_BYTES = 1024 * 1024;
/** Largest file without an announced size. */
const MAX_FILE_BYTES = 8 * 1024 ** 3;

function isoTime(httpDate: string | null | undefined, fallback: Date): string {
  const time = httpDate ? Date.parse(httpDate) : Number.NaN;
  return new Date(Number.isNaN(time) ? fallback.getTime() : time).toISOString();
}

/** What must be the same for a file to be the same without asking. */
function versionKey(unit: ManifestUnit, file: FileReference): string {
  return `${unit.version ?? ''}${file.fromVersion === undefined ? '' : `<${file.fromVersion}`}`;
}

/** Whole, and protected for a while from a collection that finds nothing that refers to it yet. */
async function stillHeld({ blobs }: GroupFetchInput, known: Pick<RememberedFile, 'sha256' | 'size'>): Promise<boolean> {
  if (known.sha256 === null || (await blobs.size(known.sha256)) !== known.size) return false;
  return blobs.touch(known.sha256);
}

async function fetchFile(input: OfGroup, unit: ManifestUnit, reference: FileReference): Promise<FileContent> {
  const known = input.remembered.get(reference.key);
  const version = versionKey(unit, reference);
  const stillRight =
    known?.sha256 && known.version === version && (reference.size === null || known.size === reference.size);
  if (stillRight && known.sha256 !== null && (await stillHeld(input, known))) {
    const { sha256, size, lastModified } = known;
    return { reference, sha256, size: size ?? 0, mtime: isoTime(lastModified, input.now), remembered: true };
  }
  return fetchAnew(input, unit, reference);
}

async function fetchAnew(input: OfGroup, unit: ManifestUnit, reference: FileReference): Promise<FileContent> {
  const watch = reference.size === null ? input.room.watch(reference.path) : null;
  const got = await input.source.fetchBlob(reference.path, {
    size: reference.size,
    maxBytes: reference.size ?? MAX_FILE_BYTES,
    signal: input.signal,
    component: input.component,
    onProgress: (bytes) => {
      watch?.(bytes);
      input.progress.bytes(bytes);
    },
  });
  if (reference.path.toLowerCase().endsWith('.zip')) await input.blobs.checkZip(got.sha256, input.signal);
  remember(input, {
    path: reference.key,
    sha256: got.sha256,
    size: got.size,
    version: versionKey(unit, reference),
    etag: got.etag ?? null,
    lastModified: got.lastModified ?? null,
  });
  // Whatever signature is remembered, it came with another content: after an end here the two are not a pair.
  const key = signaturePathOf(reference.key);
  const beside = input.remembered.get(key);
  if (beside?.sha256) remember(input, nothingAt(key));
  return {
    reference,
    sha256: got.sha256,
    size: got.size,
    mtime: isoTime(got.lastModified, input.now),
    remembered: false,
  };
}

function remember({ remembered, learnt }: GroupFetchInput, file: RememberedFile): void {
  remembered.set(file.path, file);
  learnt.add(file.path);
}

function nothingAt(path: string): RememberedFile {
  return { path, sha256: null, size: null, version: null, etag: null, lastModified: null };
}

/** Asks the source whether a content is still what it has: a few hundred bytes, whatever its size. */
async function isUnchanged(
  { remembered, source, signal, component }: OfGroup,
  { reference: { key, path }, sha256 }: Pick<FileContent, 'reference' | 'sha256'>,
): Promise<boolean> {
  const known = remembered.get(key);
  // What is remembered may be of a run that came to nothing: the answer would be about another content than the one in hand.
  const { conditional } = known?.sha256 === sha256 ? conditionalOn(validatorsOf(known)) : {};
  if (conditional === undefined) return false;
  try {
    return (await source.fetchSmall(path, { maxBytes: 0, conditional, signal, component })).status === 'not-modified';
  } catch (fault) {
    // It has changed, and is broken off before its first byte.
    if (fault instanceof AppError && fault.code === 'size-exceeded') return false;
    throw fault;
  }
}

/** The signature that came with this very content, as far as is known. */
function signatureOf(
  { held, remembered, now }: GroupFetchInput,
  { reference, sha256 }: FileContent,
): FetchedSignature | null {
  const path = signaturePathOf(reference.path);
  // What is published goes before what is remembered: a run that ended in between has remembered the new one.
  if (held?.get(reference.key)?.sha256 === sha256) {
    const before = held.get(path.toLowerCase());
    return before === undefined ? null : { ...before, path };
  }
  const known = remembered.get(path.toLowerCase());
  // Every release uses its name again (`v_239.sig`): it may have come with another content, or be that of what is published.
  if (!known?.sha256 || known.version !== sha256 || held?.get(known.path)?.sha256 === known.sha256) return null;
  return { path, sha256: known.sha256, size: known.size ?? 0, mtime: isoTime(known.lastModified, now) };
}

/**
 * A file with its signature. A new signature beside a file that was not asked for says that it may have changed too: versions and sizes
 * are used again, and one without the other makes products refuse both.
 */
export async function withSignature(input: OfGroup, unit: ManifestUnit, content: FileContent): Promise<FetchedFile> {
  const { remembered, ...file } = content;
  const { key } = file.reference;
  const before = signatureOf(input, content);
  const delivered = input.remembered.get(signaturePathOf(key))?.sha256 ?? null;
  const broken = isBrokenPair(input, key);
  const signature = await fetchSignature(input, file);
  const pair = { key, sha256: file.sha256, signature: signature?.sha256 ?? null };
  const unsure = broken || signature?.sha256 !== before?.sha256 || input.signatureDoubts.isDoubted(pair);
  const doubtful = remembered && signature !== null && unsure;
  if (!doubtful || (await isUnchanged(input, file)))
    return withDoubt(input, { ...file, signature }, { before, delivered });
  const { remembered: _, ...anew } = await fetchAnew(input, unit, file.reference);
  const known = { before: anew.sha256 === file.sha256 ? before : null, delivered };
  return withDoubt(input, { ...anew, signature: await fetchSignature(input, anew) }, known);
}

async function withDoubt(input: OfGroup, file: FetchedFile, known: KnownSignature): Promise<FetchedFile> {
  const staying = stayingSignature(input, file, known);
  if (staying !== null && (await stillHeld(input, staying))) return { ...file, signature: staying, doubted: true };
  return isUnsure(input, file, known.before) ? { ...file, doubted: true } : file;
}

/** The signature beside a file, or null when the source has none; asked for anew unless the source says it is unchanged. */
async function fetchSignature(
  input: OfGroup,
  { reference, sha256: content }: Pick<FileContent, 'reference' | 'sha256'>,
): Promise<FetchedSignature | null> {
  const path = signaturePathOf(reference.path);
  const key = path.toLowerCase();
  const known = input.remembered.get(key);
  const sure = known?.sha256 && !input.signatureDoubts.isSignatureDoubted(key, known.sha256);
  const usable = sure && (await stillHeld(input, known));
  const got = await input.source.fetchOptional(path, {
    maxBytes: MAX_SIGNATURE_BYTES,
    signal: input.signal,
    component: input.component,
    ...(usable ? conditionalOn(validatorsOf(known)) : {}),
  });
  if (got === null) {
    remember(input, nothingAt(key));
    return null;
  }
  if (got.status === 'not-modified') {
    if (known !== undefined && known.version !== content) remember(input, { ...known, version: content });
    return {
      path,
      sha256: known?.sha256 ?? '',
      size: known?.size ?? 0,
      mtime: isoTime(known?.lastModified, input.now),
    };
  }
  // Only what may be asked with: a file that is fetched anew brings its time along.
  remember(input, { path: key, sha256: got.sha256, size: got.size, version: content, ...askedWith(got) });
  return { path, sha256: got.sha256, size: got.size, mtime: isoTime(got.lastModified, input.now) };
}

/** The fault with the file that it is about, unless it says one. */
function ofFile(thrown: unknown, path: string): AppError {
  const error = toAppError(thrown);
  return new AppError(error.kind, error, { details: { path, ...error.details }, cause: thrown });
}

/**
 * Brings one group up to date: all files, then all signatures (activeupdate §7.2).
 * @throws AppError of the source or the disk; `upstream-publishing`, `signatures-gone` when a signature is missing that the earlier
 *   release had, or is still that of an earlier content.
 */
export function fetchGroup(input: GroupFetchInput, group: PlanGroup, heldUnits: HeldUnits): Promise<FetchedFile[]> {
  return input.slots.lend((slots) => fetchAll(input, group, heldUnits, slots));
}

async function fetchAll(
  input: GroupFetchInput,
  group: PlanGroup,
  heldUnits: HeldUnits,
  slots: Slots,
): Promise<FetchedFile[]> {
  const wanted = new Map<string, [ManifestUnit, FileReference]>();
  for (const unit of group.units)
    for (const file of unit.files) if (!wanted.has(file.key)) wanted.set(file.key, [unit, file]);
  // The first fault ends the group: there is no use in the rest of its files today.
  const stop = new AbortController();
  const inner = { ...input, component: group.key, signal: AbortSignal.any([input.signal, stop.signal]) };
  const all = async <T>(tasks: { path: string; run: () => Promise<T> }[]): Promise<T[]> => {
    let first: AppError | undefined;
    const results = await Promise.allSettled(
      tasks.map(async ({ path, run }) => {
        try {
          return await run();
        } catch (fault) {
          first ??= ofFile(fault, path);
          stop.abort();
          throw fault;
        }
      }),
    );
    if (input.signal.aborted) throw new AppError('conflict', 'cancelled.download');
    if (first !== undefined) throw first;
    return results.map((result) => (result as PromiseFulfilledResult<T>).value);
  };
  const inSlot = <T>(run: () => Promise<T>): Promise<T> =>
    slots(async () => {
      if (stop.signal.aborted || input.signal.aborted) throw new AppError('conflict', 'cancelled');
      return run();
    });
  /** What came for another entry of this run is not asked for again; who waits for it takes no slot. */
  const fetchOnce = (unit: ManifestUnit, file: FileReference): Promise<FileContent> =>
    input.turns.take(file.key, (twin) =>
      twin !== null && !twin.remembered && (file.size === null || file.size === twin.size)
        ? Promise.resolve({ ...twin, reference: file })
        : inSlot(() => fetchFile(inner, unit, file)),
    );
  const files = await all(
    [...wanted.values()].map(([unit, file]) => ({
      path: file.path,
      run: async () => {
        const content = await fetchOnce(unit, file).finally(() => input.room.settled(file.key));
        input.progress.fileDone(file.key);
        return { unit, content };
      },
    })),
  );
  const pairs = await all(
    files.map(({ unit, content }) => ({
      path: signaturePathOf(content.reference.path),
      run: () => inSlot(() => withSignature(inner, unit, content)),
    })),
  );
  requireSignatures(input, pairs, group, heldUnits);
  return withDoubts(input, pairs, group, heldUnits, input.held);
}
