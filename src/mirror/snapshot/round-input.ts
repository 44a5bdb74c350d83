import type { Logger } from '../../platform/logging/logger.js';
import type { FileReference, Manifest } from '../manifest/manifest.js';
import type { BlobStore } from '../store/blob-store.js';
import type { UpstreamSource } from '../upstream/source.js';
import type { FetchedFile, FetchProgress, GroupFetchInput } from './fetched-file.js';
import type { GroupFault, HeldTree, PlanGroup, PlanInput } from './mirror-plan.js';
import type { SignatureDoubts } from './signature-doubts.js';
import type { HeldUnits } from './signed-kinds.js';
import type { RememberedFile } from './upstream-memory.js';

export interface RoundProgress extends FetchProgress {
  /** Restarted with each round. */
  planned(files: number, bytes: number): void;
}

export interface RoundInput {
  source: UpstreamSource;
  blobs: BlobStore;
  /** By lower-cased path; the run adds what it learns. */
  remembered: Map<string, RememberedFile>;
  /** Receives the paths whose memory changed, also when the run fails later. */
  learnt: Set<string>;
  signatureDoubts: SignatureDoubts;
  /** Content of the manifest that was used last, when it is held. */
  lastManifest: Buffer | null;
  /** Keys of groups of which a signature could not be had last time. */
  lookAgain: ReadonlySet<string>;
  /** By key of a group: since when the source has been seen without signatures that its earlier files had. */
  unsignedSince: ReadonlyMap<string, Date>;
  /** Components that may do without signatures. */
  signaturesOptional: ReadonlySet<string>;
  /** Components whose last release in the channel was signed as a whole, whether or not it is still published. */
  signedBefore: ReadonlySet<string>;
  plan: Omit<PlanInput, 'upstream' | 'held'>;
  held: HeldTree | null;
  parallel: number;
  /** What may still be written to the disk; a run that cannot fit is not begun. */
  freeBytes: () => number;
  now: Date;
  signal: AbortSignal;
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
