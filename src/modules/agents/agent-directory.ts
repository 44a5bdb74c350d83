import { Injectable, type OnModuleInit } from '@nestjs/common';
import pLimit from 'p-limit';
import { Clock } from '../../platform/clock/clock.js';
import { ActionPort, NO_WORK, type AgentWork } from './action.port.js';
import { AgentChanges } from './agent-changes.js';
import { AgentGroupService, type GroupTree } from './agent-group.service.js';
import { AgentRepository, type AgentFacts } from './agent.repository.js';
import { askingInterval } from './asking-interval.js';
import { Memory } from './memory.js';
import { Waker, type WakeListener } from './waker.js';
import { overloaded } from './work-gate.js';

/** A product as polls see it: all that an answer needs, without a query. */
export interface KnownAgent extends AgentFacts {
  pollSeconds: number;
  work: AgentWork;
  /** For answers made of this and nothing else; gone with it. */
  readonly answers: Map<string, unknown>;
}

const MAX_AGENTS = 50_000;
/** A memory of its own: whoever asks for what does not exist must not push real products out. */
const MAX_ABSENT = 10_000;
/** How many loads may be under way before callers are asked to come back later. */
const MAX_LOADING = 20_000;
const BATCH = 1_000;

interface Load {
  promise: Promise<KnownAgent | null>;
  settle: (agent: KnownAgent | null) => void;
  fail: (fault: unknown) => void;
  /** The query is under way. */
  started: boolean;
  /** Something changed while the query ran: its answer may be older than the change. */
  outdated: boolean;
}

/**
 * The products that poll here, in memory: a poll with nothing to do asks no database. What changes is dropped when its
 * notification comes, and read again, many at once, when the next poll wants it.
 */
@Injectable()
export class AgentDirectory implements WakeListener, OnModuleInit {
  private readonly agents: Memory<KnownAgent>;
  private readonly absent: Memory<true>;
  private readonly loading = new Map<string, Load>();
  private queue: [string, Load][] = [];
  /** A fleet that asks at once is read piece by piece, not over all connections that there are. */
  private readonly reading = pLimit(3);
  private tree: Promise<GroupTree> | null = null;

  constructor(
    private readonly repository: AgentRepository,
    private readonly groups: AgentGroupService,
    private readonly actions: ActionPort,
    changes: AgentChanges,
    private readonly waker: Waker,
    private readonly clock: Clock,
  ) {
    this.agents = new Memory(MAX_AGENTS, changes);
    this.absent = new Memory(MAX_ABSENT, changes);
  }

  onModuleInit(): void {
    this.waker.add(this);
  }

  woken(controllerIds: readonly string[] | null): void {
    if (controllerIds === null) {
      this.agents.clear();
      this.absent.clear();
      this.tree = null;
      for (const load of this.loading.values()) load.outdated = load.started;
      return;
    }
    for (const id of controllerIds) {
      this.agents.delete(id);
      this.absent.delete(id);
      const load = this.loading.get(id);
      if (load !== undefined) load.outdated = load.started;
    }
  }

  /** What is known without asking; undefined when a query is needed. */
  peek(controllerId: string): KnownAgent | null | undefined {
    const known = this.agents.get(controllerId);
    if (known === undefined) return this.absent.get(controllerId) === undefined ? undefined : null;
    const { changesAt } = known.work;
    return changesAt === null || this.clock.now() < changesAt ? known : undefined;
  }

  /** Null when there is no such product. @throws AppError `overloaded`, and what the database throws. */
  async get(controllerId: string): Promise<KnownAgent | null> {
    for (;;) {
      const known = this.peek(controllerId);
      if (known !== undefined) return known;
      const load = this.load(controllerId);
      const agent = await load.promise;
      // Read before the change that was told meanwhile: once more.
      if (!load.outdated) return agent;
    }
  }

  private load(controllerId: string): Load {
    const running = this.loading.get(controllerId);
    if (running !== undefined && !running.outdated) return running;
    if (this.loading.size >= MAX_LOADING) throw overloaded();
    let settle!: Load['settle'];
    let fail!: Load['fail'];
    const promise = new Promise<KnownAgent | null>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    const load: Load = { promise, settle, fail, started: false, outdated: false };
    this.loading.set(controllerId, load);
    if (this.queue.length === 0) setImmediate(() => this.run());
    this.queue.push([controllerId, load]);
    return load;
  }

  /** Everything that was asked for in this turn of the event loop, in few queries. */
  private run(): void {
    const queue = this.queue;
    this.queue = [];
    for (let i = 0; i < queue.length; i += BATCH) {
      const loads = queue.slice(i, i + BATCH);
      const read = (): Promise<Map<string, KnownAgent>> => {
        for (const [, load] of loads) load.started = true;
        return this.read(loads.map(([id]) => id));
      };
      void this.reading(read).then(
        (found) => {
          for (const [id, load] of loads) this.settle(id, load, found.get(id) ?? null);
        },
        (fault: unknown) => {
          for (const [id, load] of loads) {
            if (this.loading.get(id) === load) this.loading.delete(id);
            load.fail(fault);
          }
        },
      );
    }
  }

  private settle(id: string, load: Load, agent: KnownAgent | null): void {
    if (this.loading.get(id) === load) this.loading.delete(id);
    if (!load.outdated) this.remember(id, agent);
    load.settle(agent);
  }

  private remember(id: string, agent: KnownAgent | null): void {
    if (agent === null) {
      this.agents.delete(id);
      this.absent.set(id, true);
    } else {
      this.absent.delete(id);
      this.agents.set(id, agent);
    }
  }

  private async read(ids: string[]): Promise<Map<string, KnownAgent>> {
    const [facts, tree] = await Promise.all([this.repository.facts(ids), this.groupTree()]);
    const approved = facts.filter((agent) => agent.approval === 'approved').map((agent) => agent.controllerId);
    const work = approved.length === 0 ? new Map<string, AgentWork>() : await this.actions.workOf(approved);
    return new Map(
      facts.map((agent) => [
        agent.controllerId,
        {
          ...agent,
          pollSeconds: askingInterval(tree.seconds.get(agent.groupId), agent.createdAt, this.clock.now()),
          work: work.get(agent.controllerId) ?? NO_WORK,
          answers: new Map(),
        },
      ]),
    );
  }

  /** Whether a group is another one or lies below it. */
  async isWithin(groupId: string, ancestorId: string): Promise<boolean> {
    const { parents } = await this.groupTree();
    let at: string | null | undefined = groupId;
    while (at) {
      if (at === ancestorId) return true;
      at = parents.get(at);
    }
    return false;
  }

  private groupTree(): Promise<GroupTree> {
    const loading = (this.tree ??= this.groups.tree());
    return loading.catch((fault: unknown) => {
      if (this.tree === loading) this.tree = null;
      throw fault;
    });
  }

  /** Whether the product runs an update of its own now; one that never ended is not believed for ever. */
  runsOwnUpdate(agent: AgentFacts): boolean {
    return isUnderWay(agent.ownUpdateSince, this.clock.now());
  }
}

/** After this long the product is taken to have died in its update. */
const OWN_UPDATE_MS = 2 * 3_600_000;

/** Whether an update of a product's own that began then is still believed; one that begins much later was noted by a wrong clock. */
export function isUnderWay(since: Date | null, now: Date): boolean {
  return since !== null && Math.abs(now.getTime() - since.getTime()) < OWN_UPDATE_MS;
}
