import { AppError, faultOf, toAppError } from '../../platform/errors/app-error.js';
import { inEach, type Sentence } from '../../platform/texts/texts.js';
import type { FileReference, Manifest } from '../manifest/manifest.js';
import { diskFull, DiskRoom } from './disk-room.js';
import { expectNewSignatures, sharedSignatures } from './early-signatures.js';
import { FairSlots } from './fair-slots.js';
import type { FetchProgress, FileContent } from './fetched-file.js';
import { FileTurns } from './file-turns.js';
import { fetchGroup } from './group-fetch.js';
import type { FileMap } from './held-file.js';
import { hasNewCertificate, isSignedAnew, laterSignatures } from './later-signatures.js';
import { planMirror, type PlanGroup } from './mirror-plan.js';
import { filesOf, type GroupResult, type RoundInput } from './round-input.js';
import { holdBackSharers } from './shared-files.js';
import type { HeldUnits } from './signed-kinds.js';

/** How long the schedule leaves a source alone because of one component that is asked to come back later. */
const LONGEST_PAUSE_FOR_ONE_SECONDS = 1800;

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

/** One pass over all groups of a manifest; what the source cannot deliver may come from another one. */
export async function fetchRound(input: RoundInput, manifest: Manifest, isNews: boolean): Promise<Round> {
  const groups = largestFirst(planMirror({ ...input.plan, upstream: manifest, held: input.held }));
  const wanted = filesOf(groups.filter(({ action }) => action === 'fetch'));
  const room = new DiskRoom(input.freeBytes, wanted);
  input.progress.planned(room.files, room.promised);
  requireSpace(input, wanted, room.promised);
  const { blobs, now, signal, signaturesOptional, signedBefore } = input;
  const common = {
    blobs,
    held: ownFiles(input),
    slots: new FairSlots(input.parallel),
    now,
    signal,
    signaturesOptional,
    signedBefore,
    sharedSignatures: sharedSignatures(manifest),
  };
  const progress = new FilesDone(input.progress);
  const fetch = { ...input, ...common, room, turns: new FileTurns<FileContent>(), progress };
  if (isNews && common.held !== null && hasNewCertificate(manifest, input.lastManifest))
    expectNewSignatures(input.signatureDoubts, common.held, filesOf(groups));
  const news = !isNews ? 'none' : isSignedAnew(manifest, input.lastManifest) ? 'signed-anew' : 'some';
  const heldUnits: HeldUnits = input.held?.manifest.units ?? new Map();
  const bring = async (group: PlanGroup): Promise<GroupResult> => {
    switch (group.action) {
      case 'fetch': {
        const files = await fetchGroup(fetch, group, heldUnits);
        return { ...group, files, doubted: files.some(({ doubted }) => doubted) };
      }
      case 'same': {
        const ofGroup = input.lookAgain.has(group.key) ? 'signed-anew' : news;
        return { ...group, ...(await laterSignatures(fetch, group, input.held, ofGroup)) };
      }
      case 'earlier':
        return { ...group, files: [], unsignedSince: input.unsignedSince.get(group.key) };
      case 'drop':
        return { ...group, files: [] };
    }
  };
  const failed = new Map<string, Failure>();
  const results = await Promise.all(
    groups.map(async (group): Promise<GroupResult> => {
      try {
        return await bring(group);
      } catch (thrown) {
        const error = toAppError(thrown);
        failed.set(group.key, { group, error });
        if (!endsRun(error))
          input.logger.warn({ group: group.key, code: error.code, details: error.details }, error.message);
        if (group.action === 'same') return { ...group, files: [], lookAgain: true };
        const fault = faultOf({ code: error.code, text: textOf(error) });
        const unsignedSince = sinceOf(error) ?? input.unsignedSince.get(group.key);
        return { ...group, action: 'earlier', fault, files: [], unsignedSince };
      }
    }),
  );
  const errors = [...failed.values()].map(({ error }) => error);
  const fatal = errors.filter(endsRun);
  const first = fatal.find((error) => error.code !== 'cancelled') ?? fatal[0];
  if (first !== undefined) throw first;
  const stoodIn = await input.standIns({
    manifest,
    groups: [...failed.values()].filter(mayComeFromElsewhere).map(({ group }) => group),
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
    return { ...result, action: group.action, fault: null, files, stoodIn: { sourceUrl, fault: result.fault } };
  });
  return {
    groups: holdBackSharers(settled, { held: input.held, componentOfUnit: input.plan.componentOfUnit }),
    attempted: groups.some((group) => group.action === 'fetch') || settled.some(({ files }) => files.length > 0),
    pause: pauseOf(errors),
  };
}

interface Failure {
  group: PlanGroup;
  error: AppError;
}

/** Of a disk that has no room for a file nobody can fetch it. */
function mayComeFromElsewhere({ group, error }: Failure): boolean {
  return group.action === 'fetch' && error.code !== 'disk-full';
}

function sinceOf({ details: { unsignedSince } }: AppError): Date | undefined {
  return typeof unsignedSince === 'string' ? new Date(unsignedSince) : undefined;
}

/** The manifest came, and so may the other components: the schedule need not wait for one of them alone as long as that one is asked to. */
export function pauseOf(errors: readonly AppError[]): AppError | null {
  const [first, ...others] = errors.filter(({ details }) => typeof details['retryAfterSeconds'] === 'number');
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
