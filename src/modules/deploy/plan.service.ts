import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { nothingAlongside, type Alongside } from '../../database/transaction.js';
import { CatalogueRepository, unknownComponent } from '../../mirror/catalogue/catalogue.repository.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { AgentGroupService, GroupUses } from '../agents/agents.api.js';
import type { OrderedPlan } from './deployment.order.js';
import { DeploymentSettings, SAFE_MODE_ID } from './deployment.settings.js';
import { AT_ONCE, SAFE_MODE, type PlanDefinition } from './plan.definition.js';
import type { PlanBody } from './plan.dto.js';
import type { DeploymentPlan } from './plan.entity.js';
import { planRefused } from './plan.errors.js';
import { PlanRepository } from './plan.repository.js';
import { planFaults } from './plan.rules.js';
import { definitionOf } from './plan.view.js';

/** Keeps deployment plans; none that could never start is accepted. */
@Injectable()
export class PlanService implements OnModuleInit {
  constructor(
    private readonly plans: PlanRepository,
    private readonly settings: DeploymentSettings,
    private readonly catalogue: CatalogueRepository,
    private readonly groups: AgentGroupService,
    private readonly uses: GroupUses,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    this.uses.add((manager, groupId) => this.plans.namingGroup(manager, groupId));
    const now = this.clock.now();
    await this.plans.seed({
      id: SAFE_MODE_ID,
      name: 'safe mode',
      ...SAFE_MODE,
      enginePlanId: null,
      boundTo: 'none',
      components: null,
      builtIn: true,
      createdAt: now,
      createdBy: 'system',
      updatedAt: now,
      updatedBy: 'system',
    });
  }

  /** @throws AppError a code of the rules, `plan-exists`, `plan-unknown`, `component-unknown`, `component-bound-twice`, `agent-group-unknown`. */
  async create(body: PlanBody, actor: string, alongside: Alongside<DeploymentPlan>): Promise<DeploymentPlan> {
    const now = this.clock.now();
    const plan = this.compose(body, randomUUID(), { builtIn: false, createdAt: now, createdBy: actor }, actor);
    await this.check(plan);
    await this.save(plan, alongside);
    return plan;
  }

  /** Replaces all of it but its id; deployments that run go on by what they copied. @throws as `create`. */
  async replace(id: string, body: PlanBody, actor: string): Promise<DeploymentPlan> {
    const before = await this.plans.get(id);
    const plan = this.compose(body, before.id, before, actor);
    await this.check(plan);
    await this.save(plan);
    return plan;
  }

  /** @throws AppError `plan-unknown`, `plan-built-in`, `plan-in-use`. */
  async remove(id: string): Promise<void> {
    const plan = await this.plans.get(id);
    if (plan.builtIn) throw new AppError('conflict', 'plan-built-in');
    const { planId, enginePlanId } = await this.settings.get();
    // Downloads would be followed by nothing from then on.
    if (plan.id === planId || plan.id === enginePlanId) throw new AppError('conflict', 'plan-in-use.settings');
    await this.plans.remove(plan.id);
  }

  /** By id or name, with the plan of its engines; without one: everybody at once. @throws AppError `plan-unknown`. */
  async ordered(idOrName: string | null, enginePlanId: string | null = null): Promise<OrderedPlan> {
    if (idOrName === null && enginePlanId === null) return { id: null, name: null, definition: AT_ONCE, engines: null };
    const plan = idOrName === null ? null : await this.plans.get(idOrName);
    const engines = enginePlanId ?? plan?.enginePlanId ?? null;
    return {
      id: plan?.id ?? null,
      name: plan?.name ?? null,
      definition: plan === null ? AT_ONCE : definition(plan),
      engines: engines === null ? null : definition(await this.plans.get(engines)),
    };
  }

  private save(plan: DeploymentPlan, alongside: Alongside<DeploymentPlan> = nothingAlongside): Promise<void> {
    const groups = [...new Set(plan.rings.flatMap(({ select }) => select.groups ?? []))];
    return this.plans.save(plan, (manager) => this.groups.hold(manager, groups), alongside);
  }

  private compose(
    body: PlanBody,
    id: string,
    origin: Pick<DeploymentPlan, 'builtIn' | 'createdAt' | 'createdBy'>,
    actor: string,
  ): DeploymentPlan {
    const { builtIn, createdAt, createdBy } = origin;
    return {
      id,
      name: body.name,
      ...definitionOf(body),
      enginePlanId: body.engines ?? null,
      boundTo: body.boundTo ?? 'none',
      components: body.components ?? null,
      builtIn,
      createdAt,
      createdBy,
      updatedAt: this.clock.now(),
      updatedBy: actor,
    };
  }

  private async check(plan: DeploymentPlan): Promise<void> {
    const faults = planFaults(plan);
    if (faults.length > 0) throw planRefused(faults);
    const known = new Set((await this.catalogue.list()).map(({ id }) => id));
    for (const component of plan.components ?? []) if (!known.has(component)) throw unknownComponent(component);
    if (plan.enginePlanId === plan.id) throw new AppError('unprocessable', 'plan-engines-itself');
    if (plan.enginePlanId !== null) await this.plans.get(plan.enginePlanId);
    if (plan.boundTo !== 'none') await this.requireUnbound(plan);
  }

  /** A component that two plans claim would be deployed twice after a download. */
  private async requireUnbound(plan: DeploymentPlan): Promise<void> {
    for (const other of await this.plans.bound()) {
      if (other.id === plan.id) continue;
      const both =
        plan.components === null || other.components === null
          ? plan.components === other.components
            ? ['all components']
            : []
          : plan.components.filter((component) => other.components?.includes(component));
      if (both.length > 0)
        throw new AppError('conflict', 'component-bound-twice', {
          values: { name: other.name },
          details: { plan: other.id, components: both },
        });
    }
  }
}

function definition({ rings, pauseWhen, lateJoiners }: DeploymentPlan): PlanDefinition {
  return { rings, pauseWhen, lateJoiners };
}
