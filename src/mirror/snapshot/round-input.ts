import type { Logger } from '../../platform/logging/logger.js';
import type { FileReference, Manifest } from '../manifest/manifest.js';
import type { FetchedFile, FetchProgress, GroupFetchInput } from './fetched-file.js';
import type { GroupFault, HeldTree, PlanGroup, PlanInput } from './mirror-plan.js';
import type { HeldUnits } from './signed-kinds.js';

export interface RoundProgress extends FetchProgress {
  /** Restarted with each round. */
  planned(files: number, bytes: number): void;
}

/** What a group is fetched with that is the same for all of a round. */
type OfRound =
  | 'source'
  | 'blobs'
  | 'remembered'
  | 'learnt'
  | 'signatureDoubts'
  | 'unsignedSince'
  | 'signaturesOptional'
  | 'signedBefore'
  | 'now'
  | 'signal';

export interface RoundInput extends Pick<GroupFetchInput, OfRound> {
  /** Content of the manifest that was used last, when it is held. */
  lastManifest: Buffer | null;
  /** Keys of groups of which a signature could not be had last time. */
  lookAgain: ReadonlySet<string>;
  plan: Omit<PlanInput, 'upstream' | 'held'>;
  held: HeldTree | null;
  parallel: number;
  /** What may still be written to the disk; a run that cannot fit is not begun. */
  freeBytes: () => number;
  progress: RoundProgress;
  logger: Logger;
  /** Asked for groups that the source could not deliver; by their keys, what another one delivered in its place. */
  standIns: (wanted: StandInRequest) => Promise<ReadonlyMap<string, StandIn>>;
}

export interface StandInRequest {
  /** Of the source that could not deliver them. */
  manifest: Manifest;
  groups: readonly PlanGroup[];
  componentOfUnit: ReadonlyMap<string, string>;
  fetch: Pick<
    GroupFetchInput,
    'blobs' | 'held' | 'slots' | 'now' | 'signal' | 'signaturesOptional' | 'signedBefore' | 'sharedSignatures'
  >;
  heldUnits: HeldUnits;
  progress: FetchProgress;
  freeBytes: () => number;
}

export interface StandIn {
  /** For people. */
  sourceUrl: string;
  files: FetchedFile[];
}

export interface GroupResult extends PlanGroup {
  /** Files of a group whose action is `fetch`; of a `same` one only signatures that came late. */
  files: FetchedFile[];
  /** Something that was looked for in vain may be there next time, although the manifest stays. */
  lookAgain?: boolean;
  /** Some of its signatures may not be the right ones yet: they alone are looked at again. */
  doubted?: boolean;
  /** Since when the source has been seen without signatures that earlier files of it had. */
  unsignedSince?: Date | undefined;
  /** Its files are of another source (its address, for people), because of a fault of the one whose manifest was read. */
  stoodIn?: { sourceUrl: string; fault: GroupFault };
}

/** Files of groups: each once in its group. */
export function filesOf(groups: readonly PlanGroup[]): FileReference[] {
  return groups.flatMap(({ units }) => [
    ...new Map(units.flatMap(({ files }) => files.map((file) => [file.key, file]))).values(),
  ]);
}
