import { allOver } from '../../platform/promises/all-over.js';
import { IniDocument } from '../manifest/ini-document.js';
import type { Manifest } from '../manifest/manifest.js';
import type { Slots } from './fair-slots.js';
import type { FetchedFile, GroupFetchInput } from './fetched-file.js';
import { isSignatureHeldBack } from './early-signatures.js';
import { withSignature } from './group-fetch.js';
import type { HeldTree, PlanGroup } from './mirror-plan.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import { isBrokenPair, requireOwnSignatures } from './signed-pairs.js';

/** What the manifest of this run tells of a group: nothing new; something; or that everything may have been signed anew. */
export type News = 'none' | 'some' | 'signed-anew';

/**
 * Signatures that the source did not have when the files came; all of them when it may have signed everything anew; without any
 * news those that are in doubt.
 * @throws AppError of the source; `upstream-publishing`.
 */
export async function laterSignatures(
  fetch: GroupFetchInput,
  group: PlanGroup,
  held: HeldTree | null,
  news: News,
): Promise<{ files: FetchedFile[]; doubted: boolean }> {
  const later = (slots: Slots): Promise<FetchedFile[]>[] =>
    group.units.flatMap((unit) =>
      unit.files.map(async (reference): Promise<FetchedFile[]> => {
        const have = held?.files.get(reference.key);
        const signed = held?.files.get(signaturePathOf(reference.key));
        if (have === undefined) return [];
        const { sha256, size, mtime } = have;
        const isWanted = signed === undefined || news === 'signed-anew' || isBrokenPair(fetch, reference.key);
        const pair = { key: reference.key, sha256, signature: signed?.sha256 ?? null };
        const isLookedAt = fetch.signatureDoubts.isOpen(pair) || isSignatureHeldBack(fetch, reference.key);
        if (!(isWanted && news !== 'none') && !isLookedAt) return [];
        const content = { reference, sha256, size, mtime, remembered: true };
        return [await slots(() => withSignature({ ...fetch, component: group.key }, unit, content))];
      }),
    );
  const asked = (await fetch.slots.lend((slots) => allOver(later(slots)))).flat();
  const files = asked.filter(({ reference: { key }, sha256, signature }) => {
    const signed = held?.files.get(signaturePathOf(key));
    return (signature !== null && signature.sha256 !== signed?.sha256) || held?.files.get(key)?.sha256 !== sha256;
  });
  if (held !== null) requireOwnSignatures(fetch, files, group, held.manifest.units, held.files);
  const isOpen = ({ reference: { key }, sha256, signature }: FetchedFile): boolean =>
    fetch.signatureDoubts.isOpen({ key, sha256, signature: signature?.sha256 ?? null });
  return { files, doubted: asked.some((file) => file.doubted ?? isOpen(file)) };
}

/** [Common] tells when the vendor's certificate expires: with a new one comes a new signature of every file. */
export function isSignedAnew(manifest: Manifest, lastManifest: Buffer | null): boolean {
  if (lastManifest === null) return true;
  return commonOf(manifest.document).join('\n') !== commonOf(IniDocument.parse(lastManifest)).join('\n');
}

/** Whether that certificate itself is known to be another one. */
export function hasNewCertificate(manifest: Manifest, lastManifest: Buffer | null): boolean {
  const expiryIn = (document: IniDocument): string | undefined =>
    commonOf(document).find((line) => /^certexpiredate\s*=/i.test(line));
  return lastManifest !== null && expiryIn(manifest.document) !== expiryIn(IniDocument.parse(lastManifest));
}

function commonOf({ lines }: IniDocument): string[] {
  return lines.flatMap(({ section, raw }) => (section?.toLowerCase() === 'common' ? [raw.trim()] : []));
}
