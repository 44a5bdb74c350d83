import type { FileReference, Manifest } from '../manifest/manifest.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type { FetchedFile, FetchedSignature, GroupFetchInput } from './fetched-file.js';
import type { FileMap } from './held-file.js';
import type { SignatureDoubts } from './signature-doubts.js';

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
  { signatureDoubts: doubts, sharedSignatures }: Pick<GroupFetchInput, 'signatureDoubts' | 'sharedSignatures'>,
  { reference: { key }, sha256, signature }: FetchedFile,
  { before, delivered }: KnownSignature,
): FetchedSignature | null {
  if (before === null || signature === null || before.sha256 === signature.sha256) return null;
  if (sharedSignatures.has(signaturePathOf(key))) return null;
  if (doubts.isOpen({ key, sha256, signature: before.sha256 })) return null;
  const pair = { key, sha256, signature: signature.sha256 };
  const early = doubts.signatureBeside(key, sha256);
  if (signature.sha256 !== early && delivered !== early && delivered !== before.sha256) return null;
  return doubts.note(pair) ? before : null;
}

/** Whether a file that is published keeps its signature for that reason. */
export function isSignatureHeldBack(
  { signatureDoubts, held }: Pick<GroupFetchInput, 'signatureDoubts' | 'held'>,
  key: string,
): boolean {
  const [file, signature] = [held?.get(key), held?.get(signaturePathOf(key))];
  const early = file === undefined ? null : signatureDoubts.signatureBeside(key, file.sha256);
  return early !== null && signature !== undefined && signature.sha256 !== early;
}

/** The vendor's certificate is another: each signature of before will be followed by a new one, and some may have been already. */
export function expectNewSignatures(doubts: SignatureDoubts, held: FileMap, files: readonly FileReference[]): void {
  for (const { key } of files) {
    const [content, signature] = [held.get(key), held.get(signaturePathOf(key))];
    if (content && signature) doubts.begin({ key, sha256: content.sha256, signature: null });
  }
}

/** Names of signatures that stand beside several files. */
export function sharedSignatures({ units }: Manifest): Set<string> {
  const keys = new Set([...units.values()].flatMap(({ files }) => files.map(({ key }) => key)));
  const [once, shared] = [new Set<string>(), new Set<string>()];
  for (const name of [...keys].map(signaturePathOf)) (once.has(name) ? shared : once).add(name);
  return shared;
}
