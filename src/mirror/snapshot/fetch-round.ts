import { AppError, faultOf, toAppError } from '../../platform/errors/app-error.js';
import { inEach, type Sentence } from '../../platform/texts/texts.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { FileReference, Manifest, ManifestUnit } from '../manifest/manifest.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type { BlobStore } from '../store/blob-store.js';
import type { UpstreamSource } from '../upstream/source.js';
import { diskFull, DiskRoom } from './disk-room.js';
import { FairSlots } from './fair-slots.js';
import type { FetchedFile, FetchProgress, FileContent, GroupFetchInput } from './fetched-file.js';
import { FileTurns } from './file-turns.js';
import { fetchGroup } from './group-fetch.js';
import type { FileMap } from './held-file.js';
import { hasNewCertificate, isSignedAnew, laterSignatures } from './later-signatures.js';
import { planMirror, type GroupFault, type HeldTree, type PlanGroup, type PlanInput } from './mirror-plan.js';
import { holdBackSharers } from './shared-files.js';
import { expectNewSignatures } from './signature-doubts.js';
import type { RememberedFile } from './upstream-memory.js';

/** How long the schedule leaves a source alone because of one component that is asked to come back later. */
const LONGEST_PAUSE_FOR_ONE_SECONDS = 1800;

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
  /** Content of the manifest that was used last, when it is held. */
  lastManifest: Buffer | null;
  /** Keys of groups of which a signature could not be had last time. */
  lookAgain: ReadonlySet<string>;
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
  fetch: Omit<GroupFetchInput, 'source' | 'remembered' | 'learnt' | 'progress' | 'room' | 'turns'>;
  heldUnits: readonly ManifestUnit[];
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
  /** Its files are of another source (its address, for people), because of a fault of the one whose manifest was read. */
  stoodIn?: { sourceUrl: string; fault: GroupFault };
}

/** Faults that make the whole run pointless, whichever file they met. */
export function endsRun(fault: AppError): boolean {
  return fault.kind === 'storage' || fault.kind === 'internal' || fault.code === 'cancelled';
}

/** What was not signed by this channel's sources does not tell how they sign. */
function ownFiles({ held, plan: { notOwn } }: RoundInput): FileMap | null {
  if (held === null || notOwn.size === 0) return held?.files ?? null;
  return new Map([...held.files].filter(([key]) => !notOwn.has(key)));
}

/** A large file that begins last would be waited for alone. */
function largestFirst(groups: PlanGroup[]): PlanGroup[] {
  const largest = (group: PlanGroup): number =>
    Math.max(0, ...group.units.flatMap((unit) => unit.files.map((file) => file.size ?? 0)));
  return groups.sort((a, b) => largest(b) - largest(a));
}

export interface Round {
  groups: GroupResult[];
  /** Files were asked for, so the manifest may have changed under our hands. */
  attempted: boolean;
  /** What the source said when it asked for a pause. */
  pause: AppError | null;
}

/** Counts each file once, however many entries name it, and whoever fetches it in the end. */
class FilesDone implements FetchProgress {
  private readonly done = new Set<string>();

  constructor(private readonly progress: FetchProgress) {}

  bytes(count: number): void {
    this.progress.bytes(count);
  }

  fileDone(key: string): void {
    if (this.done.has(key)) return;
    this.done.add(key);
    this.progress.fileDone(key);
  }
}

/** Files of groups: each once in its group. */
export function filesOf(groups: readonly PlanGroup[]): FileReference[] {
  return groups.flatMap(({ units }) => [
    ...new Map(units.flatMap(({ files }) => files.map((file) => [file.key, file]))).values(),
  ]);
}

function sharedSignatures({ units }: Manifest): Set<string> {
  const names = [...new Set([...units.values()].flatMap(({ files }) => files.map(({ key }) => key)))].map(
    signaturePathOf,
  );
  const once = new Set<string>();
  return new Set(names.filter((name) => once.size === once.add(name).size));
}

/** One pass over all groups of a manifest; what the source cannot deliver may come from another one. */
export async function fetchRound(input: RoundInput, manifest: Manifest, isNews: boolean): Promise<Round> {
  const groups = largestFirst(planMirror({ ...input.plan, upstream: manifest, held: input.held }));
  const wanted = filesOf(groups.filter(({ action }) => action === 'fetch'));
  const room = new DiskRoom(input.freeBytes, wanted);
  input.progress.planned(room.files, room.promised);
  requireSpace(input, wanted, room.promised);
  const common = {
    blobs: input.blobs,
    held: ownFiles(input),
    sharedSignatures: sharedSignatures(manifest),
    slots: new FairSlots(input.parallel),
    now: input.now,
    signal: input.signal,
  };
  const { source, remembered, learnt } = input;
  const progress = new FilesDone(input.progress);
  const fetch = { ...common, source, remembered, learnt, room, turns: new FileTurns<FileContent>(), progress };
  if (isNews && common.held !== null && hasNewCertificate(manifest, input.lastManifest))
    expectNewSignatures(fetch, common.held, filesOf(groups));
  const news = !isNews ? 'none' : isSignedAnew(manifest, input.lastManifest) ? 'signed-anew' : 'some';
  const heldUnits = [...(input.held?.manifest.units.values() ?? [])];
  const failed = new Map<string, { group: PlanGroup; error: AppError }>();
  const fatal: AppError[] = [];
  const busy: AppError[] = [];
  const results = await Promise.all(
    groups.map(async (group): Promise<GroupResult> => {
      try {
        if (group.action === 'fetch') {
          const files = await fetchGroup(fetch, group, heldUnits);
          return { ...group, files, doubted: files.some(({ doubted }) => doubted) };
        }
        if (group.action === 'same') {
          const ofGroup = input.lookAgain.has(group.key) ? 'signed-anew' : news;
          return { ...group, ...(await laterSignatures(fetch, group, input.held, ofGroup)) };
        }
        return { ...group, files: [] };
      } catch (thrown) {
        const error = toAppError(thrown);
        if (typeof error.details['retryAfterSeconds'] === 'number') busy.push(error);
        if (endsRun(error)) fatal.push(error);
        else input.logger.warn({ group: group.key, code: error.code, details: error.details }, error.message);
        if (group.action === 'same') return { ...group, files: [], lookAgain: true };
        failed.set(group.key, { group, error });
        const fault = faultOf({ code: error.code, text: textOf(error) });
        return { ...group, action: 'earlier', fault, files: [] };
      }
    }),
  );
  const first = fatal.find((error) => error.code !== 'cancelled') ?? fatal[0];
  if (first !== undefined) throw first;
  // Of a disk that has no room for a file nobody can fetch it.
  const elsewhere = [...failed.values()].filter(({ error }) => error.code !== 'disk-full').map(({ group }) => group);
  const stoodIn = await input.standIns({
    manifest,
    groups: elsewhere,
    componentOfUnit: input.plan.componentOfUnit,
    fetch: common,
    heldUnits,
    progress,
    freeBytes: input.freeBytes,
  });
  const settled = results.map((result): GroupResult => {
    const [group, standIn] = [failed.get(result.key)?.group, stoodIn.get(result.key)];
    if (group === undefined || standIn === undefined || result.fault === null) return result;
    const { sourceUrl, files } = standIn;
    return { ...group, files, stoodIn: { sourceUrl, fault: result.fault } };
  });
  return {
    groups: holdBackSharers(settled, { held: input.held, componentOfUnit: input.plan.componentOfUnit }),
    attempted: groups.some((group) => group.action === 'fetch') || settled.some(({ files }) => files.length > 0),
    pause: pauseOf(busy),
  };
}

/** The manifest came, and so may the other components: the schedule need not wait for one of them alone as long as that one is asked to. */
function pauseOf([first, ...others]: readonly AppError[]): AppError | null {
  if (first === undefined || others.length > 0) return first ?? null;
  const { kind, details } = first;
  const retryAfterSeconds = Math.min(Number(details['retryAfterSeconds']), LONGEST_PAUSE_FOR_ONE_SECONDS);
  return new AppError(kind, first, { details: { ...details, retryAfterSeconds }, cause: first });
}

/** Says which of the component's many files it was. */
function textOf({ text, details: { path } }: AppError): Sentence {
  return typeof path !== 'string' || text.en.includes(path) ? text : inEach((language) => `${path}: ${text[language]}`);
}

function requireSpace({ remembered, freeBytes }: RoundInput, wanted: readonly FileReference[], bytes: number): void {
  const isHeld = ({ key, size }: FileReference): boolean => remembered.get(key)?.size === size;
  const held = new Map(wanted.filter(isHeld).map(({ key, size }) => [key, size ?? 0]));
  const needed = bytes - [...held.values()].reduce((sum, size) => sum + size, 0);
  const free = freeBytes();
  if (needed > free) throw diskFull(needed, free);
}
