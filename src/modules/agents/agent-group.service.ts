import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { isUniqueViolation } from '../../database/database.errors.js';
import { inTransaction, nothingAlongside, type Alongside } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import { isUuid } from '../../platform/http/uuid.js';
import { AgentChanges } from './agent-changes.js';
import { unknownGroups } from './agent.errors.js';
import { AgentGroup } from './agent-group.entity.js';
import { AgentSettings } from './agent.settings.js';
import { GroupUses } from './group-uses.js';

const MAX_DEPTH = 20;

export interface AgentGroupView {
  id: string;
  parentId: string | null;
  name: string;
  /** Names from the root, this one last. */
  path: string[];
  pollIntervalSeconds: number | null;
  /** What holds here: its own, an upper group's, or the setting's. */
  effectivePollIntervalSeconds: number;
  builtIn: boolean;
  agents: number;
}

export interface GroupTree {
  /** Group → seconds between polls. */
  seconds: Map<string, number>;
  parents: Map<string, string | null>;
}

/** The tree of groups. */
@Injectable()
export class AgentGroupService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly uses: GroupUses,
    private readonly settings: AgentSettings,
    private readonly changes: AgentChanges,
    private readonly clock: Clock,
  ) {}

  all(): Promise<AgentGroup[]> {
    return this.dataSource.getRepository(AgentGroup).find({ order: { name: 'ASC' } });
  }

  async list(): Promise<AgentGroupView[]> {
    const groups = await this.all();
    const counts = await this.dataSource.query<{ group_id: string; agents: string }[]>(
      `select group_id, count(*) as agents from agent group by group_id`,
    );
    const agents = new Map(counts.map((row) => [row.group_id, Number(row.agents)]));
    const seconds = effectiveIntervals(groups, (await this.settings.get()).pollIntervalSeconds);
    return groups
      .map((group) => ({
        id: group.id,
        parentId: group.parentId,
        name: group.name,
        path: pathOf(group, groups),
        pollIntervalSeconds: group.pollIntervalSeconds,
        effectivePollIntervalSeconds: seconds.get(group.id) ?? 0,
        builtIn: group.builtIn,
        agents: agents.get(group.id) ?? 0,
      }))
      .sort((a, b) => a.path.join('\0').localeCompare(b.path.join('\0')));
  }

  /** @throws AppError `cursor-invalid`, also for a cursor at a group that is gone. */
  async page(query: PageQuery): Promise<Page<AgentGroupView>> {
    const after = decodeCursor(query.cursor, ['uuid'])?.[0];
    const groups = await this.list();
    const place = groups.findIndex(({ id }) => id === after);
    if (after !== undefined && place < 0) throw new AppError('bad-input', 'cursor-invalid.group-gone');
    return toPage(
      groups.slice(place + 1, place + 2 + query.limit),
      query.limit,
      ({ id }) => [id],
      (group) => group,
    );
  }

  /** @throws AppError `agent-group-unknown`. */
  async view(id: string): Promise<AgentGroupView> {
    const view = (await this.list()).find((each) => each.id === id);
    if (view === undefined) throw unknownGroups([id]);
    return view;
  }

  async tree(): Promise<GroupTree> {
    const [groups, setting] = await Promise.all([this.all(), this.settings.get()]);
    return {
      seconds: effectiveIntervals(groups, setting.pollIntervalSeconds),
      parents: new Map(groups.map((group) => [group.id, group.parentId])),
    };
  }

  /** Group → seconds between polls. */
  async intervals(): Promise<Map<string, number>> {
    return (await this.tree()).seconds;
  }

  /**
   * The id of a group given by id, or by name when only one has it.
   * @throws AppError `agent-group-unknown`, `agent-group-ambiguous`.
   */
  async resolve(idOrName: string): Promise<string> {
    const groups = await this.all();
    if (isUuid(idOrName)) {
      const found = groups.find((group) => group.id === idOrName.toLowerCase());
      if (found === undefined) throw unknownGroups([idOrName]);
      return found.id;
    }
    const named = groups.filter((group) => group.name === idOrName || pathOf(group, groups).join('/') === idOrName);
    const [only] = named;
    if (only === undefined) throw unknownGroups([idOrName]);
    if (named.length > 1)
      throw new AppError('conflict', 'agent-group-ambiguous', {
        values: { idOrName, count: named.length },
        details: { groups: named.map((group) => group.id) },
      });
    return only.id;
  }

  /** @param alongside told its id */
  async create(
    input: { name: string; parentId: string | null; pollIntervalSeconds: number | null },
    alongside: Alongside<string> = nothingAlongside,
  ): Promise<string> {
    const id = randomUUID();
    await inTransaction(this.dataSource, async (manager) => {
      await this.lock(manager);
      if (input.parentId !== null) await this.requirePlace(await manager.find(AgentGroup), null, input.parentId);
      await manager
        .insert(AgentGroup, { id, ...input, builtIn: false, createdAt: this.clock.now() })
        .catch(nameTaken(input.name));
      await alongside(manager, id);
    });
    await this.changes.publish(null);
    return id;
  }

  /** @throws AppError `agent-group-cycle`, `agent-group-exists`, `agent-group-built-in`, `agent-group-unknown`. */
  async change(
    id: string,
    patch: { name?: string; parentId?: string | null; pollIntervalSeconds?: number | null },
  ): Promise<void> {
    await inTransaction(this.dataSource, async (manager) => {
      await this.lock(manager);
      const groups = await manager.find(AgentGroup);
      const group = groups.find((each) => each.id === id);
      if (group === undefined) throw unknownGroups([id]);
      const moved = patch.parentId !== undefined && patch.parentId !== group.parentId;
      if (group.builtIn && (moved || (patch.name !== undefined && patch.name !== group.name))) throw builtIn();
      if (patch.parentId !== undefined && patch.parentId !== null) await this.requirePlace(groups, id, patch.parentId);
      await manager.update(AgentGroup, { id }, patch).catch(nameTaken(patch.name ?? group.name));
    });
    await this.changes.publish(null);
  }

  /**
   * Only an empty one that no plan names.
   * @throws AppError `agent-group-not-empty`, `agent-group-in-use`, `agent-group-built-in`, `agent-group-unknown`.
   */
  async remove(id: string): Promise<void> {
    const group = (await this.all()).find((each) => each.id === id);
    if (group === undefined) throw unknownGroups([id]);
    if (group.builtIn) throw builtIn();
    try {
      await inTransaction(this.dataSource, async (manager) => {
        await this.lock(manager);
        await this.uses.requireUnused(manager, id);
        await manager.delete(AgentGroup, { id });
      });
    } catch (fault) {
      // 23503: agents, subgroups or enrolment tokens still refer to it.
      if ((fault as { code?: unknown }).code !== '23503') throw fault;
      throw new AppError('conflict', 'agent-group-not-empty', { cause: fault });
    }
    await this.changes.publish(null);
  }

  /** Holds these for the transaction that names them. @throws AppError `agent-group-unknown`. */
  async hold(manager: EntityManager, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.lock(manager);
    const known = new Set((await manager.find(AgentGroup)).map((group) => group.id));
    const lost = ids.filter((id) => !known.has(id));
    if (lost.length > 0) throw unknownGroups(lost);
  }

  /** Two people who move two groups at once could make a ring that neither sees; one who names a group must not lose it meanwhile. */
  private async lock(manager: { query(sql: string): Promise<unknown> }): Promise<void> {
    await manager.query(`select pg_advisory_xact_lock(hashtext('haishin-agent-groups'))`);
  }

  private requirePlace(groups: AgentGroup[], id: string | null, parentId: string): Promise<void> {
    const byId = new Map(groups.map((group) => [group.id, group]));
    let depth = 0;
    for (let at = byId.get(parentId); ; at = at.parentId === null ? undefined : byId.get(at.parentId)) {
      if (at === undefined) {
        if (depth === 0) throw unknownGroups([parentId]);
        return Promise.resolve();
      }
      depth += 1;
      if (at.id === id) throw new AppError('unprocessable', 'agent-group-cycle');
      if (depth >= MAX_DEPTH)
        throw new AppError('unprocessable', 'agent-group-too-deep', { values: { maxDepth: MAX_DEPTH } });
    }
  }
}

function nameTaken(name: string): (fault: unknown) => never {
  return (fault) => {
    if (!isUniqueViolation(fault, 'agent_group_name_unique')) throw fault;
    throw new AppError('conflict', 'agent-group-exists', { values: { name }, cause: fault });
  };
}

function builtIn(): AppError {
  return new AppError('conflict', 'agent-group-built-in');
}

function pathOf(group: AgentGroup, groups: readonly AgentGroup[]): string[] {
  const parent = groups.find((each) => each.id === group.parentId);
  return parent === undefined ? [group.name] : [...pathOf(parent, groups), group.name];
}

/** A group's own interval, else that of the nearest group above, else the setting's. */
export function effectiveIntervals(groups: readonly AgentGroup[], fallback: number): Map<string, number> {
  const byId = new Map(groups.map((group) => [group.id, group]));
  const of = (group: AgentGroup): number => {
    if (group.pollIntervalSeconds !== null) return group.pollIntervalSeconds;
    const parent = group.parentId === null ? undefined : byId.get(group.parentId);
    return parent === undefined ? fallback : of(parent);
  };
  return new Map(groups.map((group) => [group.id, of(group)]));
}
