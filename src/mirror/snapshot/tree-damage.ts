import { AppError } from '../../platform/errors/app-error.js';
import type { BlobStore } from '../store/blob-store.js';
import { CHANNELS, type Channel } from './channel.js';
import type { HeldTree } from './mirror-plan.js';
import type { ChannelState } from './channel-states.js';
import type { BuildInput, ReadTree } from './tree-builder.js';

/** What is in force but cannot be served any more: lost, cut short, or set aside by `haishin verify`. */
export interface TreeDamage {
  /** Contents that some channel needs. */
  missing: ReadonlySet<string>;
  /** A manifest is among them: then the tree is made anew. */
  manifestLost: boolean;
}

/** Looks for every file in force, by its size; whether its content is right only `haishin verify` finds out. */
export async function findDamage(
  states: Record<Channel, ChannelState>,
  blobs: Pick<BlobStore, 'unlike'>,
): Promise<TreeDamage> {
  const sizes = new Map<string, number>();
  for (const state of Object.values(states))
    for (const file of state.held?.files.values() ?? []) sizes.set(file.sha256, file.size);
  return {
    missing: await blobs.unlike(sizes),
    manifestLost: Object.values(states).some((state) => state.manifestLost),
  };
}

export function isDamaged(damage: TreeDamage): boolean {
  return damage.manifestLost || damage.missing.size > 0;
}

/** The tree as far as it can be relied on: a plan against it fetches what is missing. */
export function withoutMissing(held: HeldTree | null, { missing }: TreeDamage): HeldTree | null {
  if (held === null || missing.size === 0) return held;
  return { ...held, files: new Map([...held.files].filter(([, file]) => !missing.has(file.sha256))) };
}

/**
 * A tree whose manifest is lost cannot lend its earlier lines: it is made anew as a whole, or stays as it is.
 * @throws AppError with the fault of the first component that could not be had, `manifest-lost`.
 */
export function requireWholeTree(build: BuildInput): void {
  for (const channel of CHANNELS) {
    const read: ReadTree | null = channel === 'global' || build.japan === 'derive' ? build.global : build.japan;
    const groups = read?.groups ?? [];
    const lost = groups.find(
      ({ action, componentId }) => action === 'earlier' && !build.holds[channel].has(componentId ?? ''),
    );
    if (lost !== undefined || (groups.length === 0 && build.states[channel].manifestLost))
      throw lost?.fault
        ? new AppError('upstream', lost.fault)
        : new AppError('upstream', 'manifest-lost.not-remade', { values: { channel } });
  }
}
