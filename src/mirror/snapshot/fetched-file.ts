import type { FileReference } from '../manifest/manifest.js';
import type { BlobStore } from '../store/blob-store.js';
import type { UpstreamSource } from '../upstream/source.js';
import type { DiskRoom } from './disk-room.js';
import type { FairSlots } from './fair-slots.js';
import type { FileTurns } from './file-turns.js';
import type { FileMap } from './held-file.js';
import type { SignatureDoubts } from './signature-doubts.js';
import type { RememberedFile } from './upstream-memory.js';

export interface FetchedSignature {
  path: string;
  sha256: string;
  size: number;
  mtime: string;
}

/** A file of a unit that is held, checked, and has its signature where the source has one. */
export interface FetchedFile {
  reference: FileReference;
  sha256: string;
  size: number;
  mtime: string;
  signature: FetchedSignature | null;
  /** The two may not belong together, or the signature may only follow. */
  doubted?: true;
}

/** A file whose signature is not known yet; `remembered`: it was not asked for, as its unit has the version that it was fetched for. */
export type FileContent = Omit<FetchedFile, 'signature' | 'doubted'> & { remembered: boolean };

export interface FetchProgress {
  /** Told by each group that is done with it; several may name the same file. */
  fileDone(key: string): void;
  bytes(count: number): void;
}

export interface GroupFetchInput {
  source: UpstreamSource;
  blobs: BlobStore;
  /** What was learnt of this source's files; updated as the run learns more. */
  remembered: Map<string, RememberedFile>;
  /** Names in `remembered` that this run has fetched or asked for anew. */
  learnt: Set<string>;
  signatureDoubts: SignatureDoubts;
  /** By key of a group: since when the source has been seen without signatures that its earlier files had. */
  unsignedSince: ReadonlyMap<string, Date>;
  /** Components that may do without signatures. */
  signaturesOptional: ReadonlySet<string>;
  /** Components whose last release in the channel was signed as a whole, whether or not it is still published. */
  signedBefore: ReadonlySet<string>;
  /** What the channel publishes now: tells whether earlier files of the group were signed. */
  held: FileMap | null;
  /** Names of signatures that stand beside several files of the manifest. */
  sharedSignatures: ReadonlySet<string>;
  slots: FairSlots;
  room: DiskRoom;
  turns: FileTurns<FileContent>;
  progress: FetchProgress;
  now: Date;
  signal: AbortSignal;
}

/** The same for one group: what goes wrong with its files is not held against the others. */
export interface OfGroup extends GroupFetchInput {
  component: string;
}
