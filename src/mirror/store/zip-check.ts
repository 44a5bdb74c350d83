import { open, type FileHandle } from 'node:fs/promises';
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { KeyUnder } from '../../platform/texts/texts.js';
import { broken, checkMember, ZipFault, type MeasuredMembers } from './zip-member.js';

export interface ZipLimits {
  maxMembers: number;
  /** Bytes of all members together when unpacked. */
  maxUnpackedBytes: number;
  /** Unpacked : packed. Deflate itself ends at 1,032; honest packages stay below 100. */
  maxRatio: number;
}

export interface ZipCheckOptions {
  signal?: AbortSignal;
  limits?: Partial<ZipLimits>;
  /** Members that were unpacked while this very file was written; they are not read again. */
  measured?: MeasuredMembers | undefined;
}

const DEFAULT_LIMITS: ZipLimits = { maxMembers: 10_000, maxUnpackedBytes: 8 * 1024 ** 3, maxRatio: 200 };
/** A small file may be all zeros without being a bomb. */
const RATIO_FROM_BYTES = 256 * 1024 ** 2;
/** Reading, unpacking and checking overlap; each member in flight holds about 2 MiB. */
const MEMBERS_IN_FLIGHT = 3;

/**
 * Checks that the file is a ZIP container whose every member unpacks to the size and CRC-32 that it announces. Members that are
 * encrypted or use another method than stored and deflate are checked for structure only. Writes nothing; member names are
 * only ever shown. Errors: `upstream/zip-corrupt` (details: `member`, `reason`), `conflict/cancelled`, `storage/*`.
 */
export async function checkZip(path: string, options: ZipCheckOptions = {}): Promise<void> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    await checkMembers({ ...options, handle, fileSize: size, limits });
  } catch (error) {
    if (options.signal?.aborted === true) throw new AppError('conflict', 'cancelled.check');
    if (error instanceof ZipFault) throw corrupt(error);
    throw toAppError(error);
  } finally {
    await handle?.close();
  }
}

interface OpenZip extends ZipCheckOptions {
  handle: FileHandle;
  fileSize: number;
  limits: ZipLimits;
}

async function checkMembers(file: OpenZip): Promise<void> {
  const { handle, fileSize, limits } = file;
  const zip = await structure(() =>
    fromFdPromise(handle.fd, { lazyEntries: true, autoClose: false, decodeStrings: false }),
  );
  if (zip.entryCount > limits.maxMembers)
    throw new ZipFault(broken('members', { members: zip.entryCount, limit: limits.maxMembers }));
  const inFlight = new Set<Promise<void>>();
  let failure: unknown;
  let unpacked = 0;
  let packed = 0;
  try {
    for (;;) {
      const entry = await structure(() => nextEntry(zip));
      if (entry === null) break;
      unpacked += entry.uncompressedSize;
      packed += entry.compressedSize;
      guardTotals(unpacked, packed, fileSize, limits);
      const member = checkEntry(file, zip, entry).catch((error: unknown) => {
        failure ??= error;
      });
      const tracked = member.finally(() => inFlight.delete(tracked));
      inFlight.add(tracked);
      if (inFlight.size >= MEMBERS_IN_FLIGHT) await Promise.race(inFlight);
      if (failure !== undefined) break;
    }
  } finally {
    // The handle must not be closed under a member that is still being read.
    await Promise.all(inFlight);
  }
  if (failure !== undefined) throw failure as Error;
}

function guardTotals(unpacked: number, packed: number, fileSize: number, limits: ZipLimits): void {
  if (unpacked > limits.maxUnpackedBytes) throw new ZipFault(broken('unpacked', { limit: limits.maxUnpackedBytes }));
  // More packed bytes than the file has: members overlap, the mark of a bomb.
  if (packed > fileSize) throw new ZipFault(broken('overlap'));
  if (unpacked > RATIO_FROM_BYTES && unpacked > fileSize * limits.maxRatio)
    throw new ZipFault(broken('ratio', { limit: limits.maxRatio }));
}

async function checkEntry({ handle, fileSize, measured, signal }: OpenZip, zip: ZipFile, entry: Entry): Promise<void> {
  const name = entry.fileNameRaw.toString('latin1');
  const header = await structure(() => zip.readLocalFileHeaderPromise(entry, { minimal: true }), name);
  const start = header.fileDataStart;
  await checkMember(handle, { entry, name, start, fileSize, measured: measured?.get(start) }, signal);
}

/** yauzl throws plain errors for a bad structure; those of the disk carry an errno and are passed on. */
async function structure<T>(read: () => Promise<T>, member?: string): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ZipFault || typeof (error as NodeJS.ErrnoException).errno === 'number') throw error;
    throw new ZipFault(broken(inOurWords((error as Error).message)), member, error);
  }
}

/** The library speaks in whole sentences for programmers; its own words stay in the cause. */
function inOurWords(message: string): KeyUnder<'reason.zip.'> {
  if (/signature not found|EOF|file bounds/i.test(message)) return 'cut-short';
  if (/multi-disk/i.test(message)) return 'one-part';
  if (/encrypt/i.test(message)) return 'encrypted';
  return 'no-directory';
}

/** yauzl's own iterator closes the file when it is left early; this one leaves that to us. */
function nextEntry(zip: ZipFile): Promise<Entry | null> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void): void => {
      zip.removeListener('entry', onEntry).removeListener('end', onEnd).removeListener('error', onError);
      action();
    };
    const onEntry = (entry: Entry): void => settle(() => resolve(entry));
    const onEnd = (): void => settle(() => resolve(null));
    const onError = (error: Error): void => settle(() => reject(error));
    zip.on('entry', onEntry).on('end', onEnd).on('error', onError);
    zip.readEntry();
  });
}

function corrupt({ why, member, cause }: ZipFault): AppError {
  const details = { reason: why.en, ...(member === undefined ? {} : { member }) };
  return member === undefined
    ? new AppError('upstream', 'zip-corrupt', { values: { why }, details, cause })
    : new AppError('upstream', 'zip-corrupt.member', {
        values: { why, quoted: JSON.stringify(member) },
        details,
        cause,
      });
}
