import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction, type Alongside } from '../../database/transaction.js';
import { CatalogueRepository, componentOfUnit } from '../../mirror/catalogue/catalogue.repository.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import type { Release } from '../../mirror/snapshot/release.entity.js';
import { ReleaseRepository, type Publication } from '../../mirror/snapshot/release.repository.js';
import { SnapshotPublisher } from '../../mirror/snapshot/snapshot-publisher.js';
import { SnapshotRepository } from '../../mirror/snapshot/snapshot.repository.js';
import { TreeEditor } from '../../mirror/snapshot/tree-editor.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { AuditService } from '../accounts/accounts.api.js';
import { clashFault, ReturningFiles } from './rollback.clashes.js';
import { UpdateEventRepository } from './update-event.repository.js';

/** Puts components back to earlier releases, and lets them go on. */
@Injectable()
export class RollbackService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalogue: CatalogueRepository,
    private readonly releases: ReleaseRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly publisher: SnapshotPublisher,
    private readonly editor: TreeEditor,
    private readonly events: UpdateEventRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Components that share a file go back together: one name cannot have two contents.
   * @param alongside told the component's id
   * @throws AppError `component-unknown`; `rollback-impossible` when no channel has an earlier release; `rollback-shared-file`,
   * `rollback-path-conflict` when something else stands in the way.
   */
  async rollback(
    componentId: string,
    order: { generations?: number; releaseId?: string },
    actor: string,
    alongside: Alongside<string>,
  ): Promise<void> {
    await this.catalogue.get(componentId);
    await this.publisher.exclusively(async () => {
      const targets = await this.targets(componentId, order);
      if (targets.global === null && targets.japan === null)
        throw new AppError('conflict', 'rollback-impossible', {
          details: { component: componentId, ...order },
        });
      const now = this.clock.now();
      const holds = {
        global: await this.withSharers(componentId, targets.global, 'global'),
        japan: await this.withSharers(componentId, targets.japan, 'japan'),
      };
      const moves = await this.moves(holds);
      await this.editor.publish({
        reason: 'rollback',
        actor,
        holds,
        record: async (manager) => {
          for (const channel of CHANNELS)
            for (const [id, release] of holds[channel])
              await this.snapshots.pin(manager, {
                componentId: id,
                channel,
                releaseId: release.id,
                pinnedAt: now,
                pinnedBy: actor,
              });
          await this.move(manager, moves, { trigger: 'rollback', named: componentId, actor, at: now });
          await alongside(manager, componentId);
        },
      });
    });
  }

  /** Out of the schedule or into it again, with a line of the update log and one of the audit for each. */
  private async move(
    manager: EntityManager,
    moves: readonly Move[],
    { trigger, named, actor, at }: { trigger: 'rollback' | 'resume'; named: string; actor: string; at: Date },
  ): Promise<void> {
    for (const { id } of moves) await this.catalogue.setScheduled(manager, id, trigger === 'resume');
    const events = moves.map(({ id, version, versionBefore, releaseId }) => ({
      ...{ trigger, componentId: id, outcome: 'updated' as const, version, versionBefore, releaseId, actor },
      ...{ downloadId: null, code: null, params: {} },
    }));
    await this.events.add(events, at, manager);
    for (const { id, details } of moves) {
      const together = id === named ? {} : { together: named };
      await this.audit.record(actor, `component.${trigger}`, id, { ...details, ...together }, manager);
    }
  }

  /** What each component goes back to, as the global channel shows it, else the japan channel. */
  private async moves(holds: Record<Channel, ReadonlyMap<string, Release>>): Promise<Move[]> {
    const before = (await this.publisher.states.current('global')).releases;
    const known = await this.releases.findMany([...before.values()]);
    return [...new Map([...holds.japan, ...holds.global])].map(([id, { id: releaseId, version }]) => ({
      id,
      version,
      versionBefore: known.get(before.get(id) ?? '')?.version ?? null,
      releaseId,
      details: { to: version, releaseId },
    }));
  }

  /** The release, and those of other components without which a file of theirs would have the wrong content. */
  private async withSharers(
    componentId: string,
    release: Release | null,
    channel: Channel,
  ): Promise<Map<string, Release>> {
    const { held } = await this.publisher.states.current(channel);
    if (release === null || held === null) return pinOf(componentId, release);
    const owners = componentOfUnit(await this.catalogue.list());
    const pins = new Map<string, Release>();
    const returning = new ReturningFiles();
    const pin = async (id: string, to: Release): Promise<void> => {
      pins.set(id, to);
      returning.add((await this.releases.content(to)).files);
    };
    await pin(componentId, release);
    for (;;) {
      const clash = returning.clashIn(held, owners, (id) => pins.has(id));
      if (clash === null) return pins;
      const { kind, componentId: sharer } = clash;
      const fitting = kind === 'folder' || sharer === null ? null : await this.fitting(sharer, channel, returning);
      if (sharer === null || fitting === null) throw clashFault(componentId, clash);
      await pin(sharer, fitting);
    }
  }

  /** The latest earlier release of a component whose files do not contradict those. */
  private async fitting(componentId: string, channel: Channel, returning: ReturningFiles): Promise<Release | null> {
    const { inLine, rolledBack } = await this.history(componentId, channel);
    for (const release of [...inLine, ...rolledBack])
      if (returning.fits((await this.releases.content(release)).files)) return release;
    return null;
  }

  /**
   * Those that share a file with it go on together, as they went back. What was not rolled back, and is in the schedule, stays as it is.
   * @throws AppError `component-unknown`.
   */
  async resume(componentId: string, actor: string, alongside: Alongside<string>): Promise<void> {
    const { scheduled } = await this.catalogue.get(componentId);
    const pinned = (await this.snapshots.pins()).some((pin) => pin.componentId === componentId);
    if (scheduled && !pinned) {
      await inTransaction(this.dataSource, (manager) => alongside(manager, componentId));
      return;
    }
    const ids = await this.pinnedWith(componentId);
    const inForce = await this.inForce();
    await inTransaction(this.dataSource, async (manager) => {
      await this.snapshots.unpin(manager, ids);
      const moves = ids.map((id) => {
        return { id, version: inForce.get(id) ?? null, versionBefore: null, releaseId: null, details: {} };
      });
      await this.move(manager, moves, { trigger: 'resume', named: componentId, actor, at: this.clock.now() });
      await alongside(manager, componentId);
    });
  }

  /**
   * Component → version that the global channel has, as the database knows it: a rollback must come to its end also while the tree
   * on the disk is damaged.
   */
  private async inForce(): Promise<Map<string, string>> {
    const snapshotId = await this.publisher.states.inForce('global');
    if (snapshotId === null) return new Map();
    const ids = await this.snapshots.releases(snapshotId, 'global');
    const releases = await this.releases.findMany([...ids.values()]);
    return new Map([...releases.values()].map(({ componentId, version }) => [componentId, version]));
  }

  /** The component, and all rolled-back ones that name a file of it, directly or through others. */
  private async pinnedWith(componentId: string): Promise<string[]> {
    const paths = new Map<string, Set<string>>();
    for (const { componentId: id, releaseId } of await this.snapshots.pins())
      for (const { path } of await this.releases.filesOf(releaseId))
        paths.set(id, (paths.get(id) ?? new Set<string>()).add(path.toLowerCase()));
    const together = new Set([componentId]);
    for (const id of together)
      for (const [other, names] of paths)
        if ([...(paths.get(id) ?? [])].some((path) => names.has(path))) together.add(other);
    return [...together];
  }

  private async targets(
    componentId: string,
    order: { generations?: number; releaseId?: string },
  ): Promise<Record<Channel, Release | null>> {
    const result: Record<Channel, Release | null> = { global: null, japan: null };
    for (const channel of CHANNELS) {
      const { inLine, rolledBack } = await this.history(componentId, channel);
      const wanted = order.releaseId;
      result[channel] =
        wanted === undefined
          ? (inLine[(order.generations ?? 1) - 1] ?? null)
          : ([...inLine, ...rolledBack].find(({ id, derivedFrom }) => id === wanted || derivedFrom === wanted) ?? null);
    }
    return result;
  }

  /**
   * Releases before the one in force, the latest in force first, and apart from them those that were rolled back themselves. Going back
   * twice goes back further, not forth again.
   */
  private async history(componentId: string, channel: Channel): Promise<History> {
    const current = (await this.publisher.states.current(channel)).releases.get(componentId);
    const all = await this.releases.publications(componentId, channel);
    const at = all.find(({ release }) => release.id === current);
    const earlier = all.filter(({ firstAt }) => at === undefined || firstAt < at.firstAt);
    // A release that changed only in its signatures is not a generation of its own.
    const generations = (list: readonly Publication[]): Release[] => {
      const versions = new Set([at?.release.version]);
      const isNew = ({ version }: Release): boolean => !versions.has(version) && versions.add(version).size > 0;
      return list.map(({ release }) => release).filter(isNew);
    };
    return {
      inLine: generations(earlier.filter(({ rolledBack }) => !rolledBack)),
      rolledBack: generations(earlier.filter(({ rolledBack }) => rolledBack)),
    };
  }
}

/** One component that is rolled back or resumed. */
interface Move {
  id: string;
  version: string | null;
  versionBefore: string | null;
  releaseId: string | null;
  /** For the audit. */
  details: object;
}

interface History {
  inLine: Release[];
  rolledBack: Release[];
}

function pinOf(componentId: string, release: Release | null): Map<string, Release> {
  return new Map<string, Release>(release === null ? [] : [[componentId, release]]);
}
