import { faultOf, saying } from '../../platform/errors/app-error.js';
import { foldersOf } from '../manifest/manifest-conflicts.js';
import { fileKey } from '../manifest/manifest-path.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type { FetchedFile } from './fetched-file.js';
import { ownUnits, type GroupFault, type HeldTree, type PlanGroup } from './mirror-plan.js';

interface FetchedGroup extends PlanGroup {
  files: FetchedFile[];
}

/** Files of a component that stays at a release whatever a run brings. */
export interface HeldContent {
  files: { path: string; sha256: string; signature: { path: string; sha256: string } | null }[];
}

/** What has to stay beside what a run has brought. */
export interface Staying {
  /** What is published now. */
  held: HeldTree | null;
  componentOfUnit: ReadonlyMap<string, string>;
  /** By component: what was rolled back or uploaded. */
  holds?: ReadonlyMap<string, HeldContent>;
}

/** A place in the tree that is taken. */
interface Place {
  path: string;
  sha256: string | undefined;
  /** Names of signatures are reused: one may replace another. */
  isSignature: boolean;
}

/** A place that is taken for good, and who needs it. */
interface Kept extends Place {
  keeper: string;
}

/** A place that a group of this run wants, and which of its files that is. */
interface Wanted extends Place {
  at: number;
  file: FetchedFile;
}

/**
 * Entries may name the same file. When one of them has to stay at what is published, that file has to stay too, and with it every
 * entry that came with another content of it: otherwise no manifest could be right about both. The same goes for an entry that has a
 * folder where another's file stays, or the other way round: no tree could hold both. Pure, and linear in the number of files.
 */
export function holdBackSharers<G extends FetchedGroup>(groups: readonly G[], staying: Staying): G[] {
  return new SharedPlaces(groups, staying).settle();
}

class SharedPlaces<G extends FetchedGroup> {
  private readonly result: G[];
  private readonly wanted = new Map<string, Wanted[]>();
  /** The same by each folder that they stand in. */
  private readonly below = new Map<string, Wanted[]>();
  /** Grows while it is walked: who is held back keeps places as well. */
  private readonly kept: Kept[] = [];

  constructor(
    groups: readonly G[],
    private readonly staying: Staying,
  ) {
    this.result = [...groups];
  }

  settle(): G[] {
    this.result.forEach((group, at) => {
      if (this.isHeld(group)) return;
      if (group.action === 'earlier') this.keep(group);
      else for (const file of group.files) this.want(group, at, file);
    });
    for (const [keeper, { files }] of this.staying.holds ?? [])
      for (const { path, sha256, signature } of files) {
        this.kept.push({ keeper, path, sha256, isSignature: false });
        if (signature !== null) this.kept.push({ keeper, ...signature, isSignature: true });
      }
    for (const places of this.wanted.values()) this.requireAgreement(places);
    const looked = new Set<string>();
    for (const place of this.kept) {
      const what = `${fileKey(place.path)} ${place.sha256} ${place.isSignature}`;
      if (looked.has(what)) continue;
      looked.add(what);
      this.makeRoom(place);
    }
    return this.result;
  }

  /** Nothing of its run is used: a person has decided on its component. */
  private isHeld({ componentId }: G): boolean {
    return this.staying.holds?.has(componentId ?? '') ?? false;
  }

  private keep(group: G): void {
    const { held, componentOfUnit } = this.staying;
    const keeper = group.key;
    for (const { files } of held === null ? [] : ownUnits(group, held, componentOfUnit))
      for (const { path, key } of files) {
        this.kept.push({ keeper, path, sha256: held?.files.get(key)?.sha256, isSignature: false });
        const signature = held?.files.get(signaturePathOf(key));
        if (signature !== undefined) this.kept.push({ keeper, ...signature, isSignature: true });
      }
  }

  /** Of a group that is the same as before, often only a signature is new. */
  private want({ action }: G, at: number, file: FetchedFile): void {
    const { reference, sha256, signature } = file;
    const stays = action === 'same' && this.staying.held?.files.get(reference.key)?.sha256 === sha256;
    const places: Wanted[] = stays ? [] : [{ at, file, path: reference.path, sha256, isSignature: false }];
    if (signature !== null) places.push({ at, file, ...signature, isSignature: true });
    for (const place of places) {
      const key = fileKey(place.path);
      add(this.wanted, key, place);
      for (const folder of foldersOf(key)) add(this.below, folder, place);
    }
  }

  /** One file that came with two contents in one run. */
  private requireAgreement(places: readonly Wanted[]): void {
    const named = places.find(({ isSignature }) => !isSignature);
    if (named === undefined || places.every(({ sha256 }) => sha256 === named.sha256)) return;
    const fault = faultOf(saying('upstream-publishing.two-contents', { path: named.path }));
    for (const place of places) this.giveWay(place, fault);
  }

  private makeRoom(kept: Kept): void {
    const key = fileKey(kept.path);
    for (const place of this.wanted.get(key) ?? []) {
      if (place.sha256 === kept.sha256 || (place.isSignature && kept.isSignature)) continue;
      this.giveWay(place, faultOf(saying('shared-file-held-back', { path: place.path, keeper: kept.keeper })));
    }
    for (const place of this.below.get(key) ?? []) {
      const values = { path: place.path, file: kept.path, keeper: kept.keeper };
      this.giveWay(place, faultOf(saying('path-conflict.needs-folder', values)));
    }
    this.below.delete(key);
    for (const folder of foldersOf(key)) {
      for (const place of this.wanted.get(folder) ?? []) {
        this.giveWay(place, faultOf(saying('path-conflict.is-folder', { path: place.path, keeper: kept.keeper })));
      }
      this.wanted.delete(folder);
    }
  }

  private giveWay({ at, file }: Wanted, fault: GroupFault): void {
    const group = this.result[at];
    if (group?.action === 'same')
      this.result[at] = { ...group, files: group.files.filter((each) => each !== file), lookAgain: true };
    if (group?.action !== 'fetch') return;
    this.result[at] = { ...group, action: 'earlier', fault, files: [] };
    this.keep(group);
  }
}

function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
