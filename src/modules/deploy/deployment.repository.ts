import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { newestFirst, newestPage } from '../../database/newest-first.js';
import type { Page, PageQuery } from '../../platform/http/page.js';
import {
  Deployment,
  DeploymentPart,
  DeploymentRing,
  PART_URGENCY,
  type ListedDeployment,
  type PartState,
  type SelectionCounts,
} from './deployment.entity.js';

export interface DeploymentFilter {
  state?: PartState | undefined;
  trigger?: 'person' | 'download' | undefined;
}

export type NewPart = Omit<
  DeploymentPart,
  'id' | 'settled' | 'since' | 'checkAt' | 'joinersAt' | 'reason' | 'reasonDetails'
>;

/** SQL of deployments and their parts; what moves rings is in RingRepository. */
@Injectable()
export class DeploymentRepository {
  constructor(private readonly dataSource: DataSource) {}

  async insert(manager: EntityManager, deployment: Deployment): Promise<void> {
    await manager.insert(Deployment, deployment);
  }

  /** A part with its rings; `open`: its one ring lets everybody through at once. */
  async insertPart(manager: EntityManager, part: NewPart, open: boolean, now: Date): Promise<string> {
    const id = randomUUID();
    await manager.insert(DeploymentPart, {
      ...part,
      id,
      reason: null,
      reasonDetails: {},
      since: now,
      checkAt: now,
      joinersAt: now,
      settled: false,
    });
    await manager.insert(
      DeploymentRing,
      part.rings.map((_, position) => ({
        partId: id,
        position,
        state: open ? ('open' as const) : ('waiting' as const),
        eligibleAt: position === 0 ? part.basisAt : null,
        openedAt: open ? now : null,
        settledAt: null,
        approvedAt: null,
        approvedBy: null,
        passedAt: null,
        forgivenFailed: 0,
        forgivenTimeouts: 0,
        counts: null,
      })),
    );
    return id;
  }

  /** In one statement, whatever the number. */
  async insertMembers(
    manager: EntityManager,
    partId: string,
    members: readonly { controllerId: string; ring: number }[],
  ): Promise<void> {
    if (members.length > 0)
      await manager.query(
        `insert into deployment_member (part_id, controller_id, ring)
         select $1, controller_id, ring from unnest($2::text[], $3::smallint[]) as m (controller_id, ring)
         on conflict do nothing`,
        [partId, members.map(({ controllerId }) => controllerId), members.map(({ ring }) => ring)],
      );
  }

  find(id: string): Promise<Deployment | null> {
    return this.dataSource.getRepository(Deployment).findOneBy({ id });
  }

  /** Parts by deployment: patterns (or everything) first. */
  async parts(deploymentIds: readonly string[]): Promise<Map<string, DeploymentPart[]>> {
    const map = new Map<string, DeploymentPart[]>(deploymentIds.map((id) => [id, []]));
    if (deploymentIds.length === 0) return map;
    const rows = await this.dataSource
      .getRepository(DeploymentPart)
      .createQueryBuilder('part')
      .where('part.deployment_id = any(:ids)', { ids: deploymentIds })
      .orderBy('part.kind', 'DESC')
      .getMany();
    for (const row of rows) map.get(row.deploymentId)?.push(row);
    return map;
  }

  rings(partId: string): Promise<DeploymentRing[]> {
    return this.dataSource.getRepository(DeploymentRing).find({ where: { partId }, order: { position: 'ASC' } });
  }

  /** How many their selections name, counted where they lie. */
  async selectionCounts(deploymentIds: readonly string[]): Promise<Map<string, SelectionCounts>> {
    const rows = await this.dataSource.query<(SelectionCounts & { id: string })[]>(
      `select id, coalesce(jsonb_array_length(selection -> 'agents'), 0) as agents,
         coalesce(jsonb_array_length(selection -> 'groups'), 0) as groups, coalesce(jsonb_array_length(selection -> 'tags'), 0) as tags,
         coalesce(jsonb_array_length(selection -> 'productTypes'), 0) as "productTypes",
         coalesce((selection -> 'all')::boolean, false) as all
       from deployment where id = any($1)`,
      [deploymentIds],
    );
    return new Map(rows.map(({ id, ...counts }) => [id, counts]));
  }

  async list(query: PageQuery, filter: DeploymentFilter): Promise<Page<ListedDeployment>> {
    const deployments = this.dataSource.getRepository(Deployment);
    const columns = deployments.metadata.columns.filter(({ propertyName }) => propertyName !== 'selection');
    const builder = deployments.createQueryBuilder('d').select(columns.map(({ propertyName }) => `d.${propertyName}`));
    if (filter.trigger) builder.andWhere('d.trigger = :trigger', filter);
    if (filter.state)
      builder.andWhere(
        `:state = (select p.state from deployment_part p where p.deployment_id = d.id
           order by array_position(array[:...urgency], p.state) limit 1)`,
        { state: filter.state, urgency: PART_URGENCY },
      );
    return newestPage(await newestFirst(builder, query).getMany(), query, (row) => row);
  }

  /** Forgets deployments that ended before; what they did stays in command tracking for as long as that keeps it. */
  async forget(endedBefore: Date): Promise<void> {
    await this.dataSource.query(
      `delete from deployment d where d.ended_at < $1
         and not exists (select 1 from deployment_part p where p.deployment_id = d.id and not p.settled)`,
      [endedBefore],
    );
  }
}
