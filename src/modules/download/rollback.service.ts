import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import type { Release } from '../../mirror/snapshot/release.entity.js';
import { ReleaseRepository } from '../../mirror/snapshot/release.repository.js';
import { SnapshotPublisher } from '../../mirror/snapshot/snapshot-publisher.js';
import { SnapshotRepository } from '../../mirror/snapshot/snapshot.repository.js';
import { TreeEditor } from '../../mirror/snapshot/tree-editor.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { AuditService } from '../accounts/accounts.api.js';
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

  /** @throws AppError `component-unknown`, `rollback-impossible` when no channel has an earlier release. */
  async rollback(
    componentId: string,
    order: { generations?: number; releaseId?: string },
    actor: string,
  ): Promise<void> {
    await this.catalogue.get(componentId);
    await this.publisher.exclusively(async () => {
      const targets = await this.targets(componentId, order);
      const main = targets.global ?? targets.japan;
      if (main === null)
        throw new AppError('conflict', 'rollback-impossible', `There is no release of ${componentId} to go back to.`, {
          details: { component: componentId, ...order },
        });
      const now = this.clock.now();
      const before = (await this.publisher.current('global')).releases.get(componentId);
      const versionBefore = before === undefined ? null : ((await this.releases.find(before))?.version ?? null);
      await this.editor.publish({
        reason: 'rollback',
        actor,
        holds: { global: pinOf(componentId, targets.global), japan: pinOf(componentId, targets.japan) },
        record: async (manager) => {
          for (const channel of CHANNELS) {
            const release = targets[channel];
            if (release !== null)
              await this.snapshots.pin(manager, {
                componentId,
                channel,
                releaseId: release.id,
                pinnedAt: now,
                pinnedBy: actor,
              });
          }
          await this.catalogue.setScheduled(manager, componentId, false);
          await this.events.add(
            [
              {
                trigger: 'rollback',
                componentId,
                outcome: 'updated',
                version: main.version,
                versionBefore,
                actor,
                downloadId: null,
                releaseId: main.id,
                code: null,
                params: {},
              },
            ],
            now,
            manager,
          );
        },
      });
      await this.audit.record(actor, 'component.rollback', componentId, { to: main.version, releaseId: main.id });
    });
  }

  /** @throws AppError `component-unknown`. */
  async resume(componentId: string, actor: string): Promise<void> {
    await this.catalogue.get(componentId);
    await inTransaction(this.dataSource, async (manager) => {
      await this.snapshots.unpin(manager, [componentId]);
      await this.catalogue.setScheduled(manager, componentId, true);
      await this.events.add(
        [
          {
            trigger: 'resume',
            componentId,
            outcome: 'updated',
            version: null,
            versionBefore: null,
            actor,
            downloadId: null,
            releaseId: null,
            code: null,
            params: {},
          },
        ],
        this.clock.now(),
        manager,
      );
    });
    await this.audit.record(actor, 'component.resume', componentId);
  }

  private async targets(
    componentId: string,
    order: { generations?: number; releaseId?: string },
  ): Promise<Record<Channel, Release | null>> {
    const result: Record<Channel, Release | null> = { global: null, japan: null };
    for (const channel of CHANNELS) {
      const history = await this.history(componentId, channel);
      const wanted = order.releaseId;
      result[channel] =
        wanted === undefined
          ? (history[(order.generations ?? 1) - 1] ?? null)
          : (history.find((release) => release.id === wanted || release.derivedFrom === wanted) ?? null);
    }
    return result;
  }

  /** Releases before the one in force, newest first. Going back twice goes back further, not forth again. */
  private async history(componentId: string, channel: Channel): Promise<Release[]> {
    const current = (await this.publisher.current(channel)).releases.get(componentId);
    const all = await this.releases.publishedHistory(componentId, channel);
    const at = all.find((release) => release.id === current);
    const earlier = all.filter((release) => at === undefined || release.createdAt < at.createdAt);
    const versions = new Set<string>();
    // A release that changed only in its signatures is not a generation of its own.
    return earlier
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
      .filter(
        (release) => release.version !== at?.version && !versions.has(release.version) && versions.add(release.version),
      );
  }
}

function pinOf(componentId: string, release: Release | null): Map<string, Release> {
  return new Map<string, Release>(release === null ? [] : [[componentId, release]]);
}
