import { Injectable } from '@nestjs/common';
import { DataSource, QueryFailedError, type EntityManager } from 'typeorm';
import { inTransaction, type Alongside } from '../../database/transaction.js';
import { AppError } from '../../platform/errors/app-error.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import { isUuid } from '../../platform/http/uuid.js';
import { DeploymentPlan } from './plan.entity.js';
import { planUnknown } from './plan.errors.js';

/** All SQL of deployment plans. */
@Injectable()
export class PlanRepository {
  constructor(private readonly dataSource: DataSource) {}

  async list(query: PageQuery): Promise<Page<DeploymentPlan>> {
    const after = decodeCursor(query.cursor, 1);
    const builder = this.dataSource
      .getRepository(DeploymentPlan)
      .createQueryBuilder('plan')
      .orderBy('plan.name', 'ASC')
      .limit(query.limit + 1);
    if (after !== null) builder.where('plan.name > :after', { after: after[0] });
    return toPage(
      await builder.getMany(),
      query.limit,
      (row) => [row.name],
      (row) => row,
    );
  }

  /** By id or by name. @throws AppError `plan-unknown`. */
  async get(idOrName: string): Promise<DeploymentPlan> {
    const repository = this.dataSource.getRepository(DeploymentPlan);
    const found = isUuid(idOrName) ? await repository.findOneBy({ id: idOrName.toLowerCase() }) : null;
    const plan = found ?? (await repository.findOneBy({ name: idOrName }));
    if (plan === null) throw planUnknown(idOrName);
    return plan;
  }

  /** Plans that downloads start by themselves. */
  bound(): Promise<DeploymentPlan[]> {
    return this.dataSource
      .getRepository(DeploymentPlan)
      .createQueryBuilder('plan')
      .where(`plan.boundTo <> 'none'`)
      .orderBy('plan.name')
      .getMany();
  }

  /** Name of a plan with a ring for the group. */
  async namingGroup(manager: EntityManager, groupId: string): Promise<string | null> {
    const [plan] = await manager.query<{ name: string }[]>(
      `select name from deployment_plan
       where jsonb_path_exists(rings, '$[*].select.groups[*] ? (@ == $id)', jsonb_build_object('id', $1::text)) order by name limit 1`,
      [groupId],
    );
    return plan?.name ?? null;
  }

  /**
   * Inserts or replaces.
   * @param hold keeps what the plan names from vanishing meanwhile
   * @throws AppError `plan-exists` when another has the name.
   */
  async save(
    plan: DeploymentPlan,
    hold: (manager: EntityManager) => Promise<void>,
    alongside: Alongside<DeploymentPlan>,
  ): Promise<void> {
    try {
      await inTransaction(this.dataSource, async (manager) => {
        await hold(manager);
        await manager.getRepository(DeploymentPlan).upsert(plan, ['id']);
        await alongside(manager, plan);
      });
    } catch (fault) {
      if (constraintOf(fault) !== 'deployment_plan_name_unique') throw fault;
      throw new AppError('conflict', 'plan-exists', { values: { name: plan.name } });
    }
  }

  /** Writes the first plan; one that people changed or removed is not brought back. */
  async seed(plan: DeploymentPlan): Promise<void> {
    await this.dataSource.createQueryBuilder().insert().into(DeploymentPlan).values(plan).orIgnore().execute();
  }

  /** @throws AppError `plan-unknown`; `plan-in-use` when another plan sends its engines here. */
  async remove(id: string): Promise<void> {
    try {
      const result = await this.dataSource.getRepository(DeploymentPlan).delete({ id });
      if (result.affected === 0) throw planUnknown(id);
    } catch (fault) {
      if (constraintOf(fault) !== 'deployment_plan_engine_plan_fkey') throw fault;
      throw new AppError('conflict', 'plan-in-use');
    }
  }
}

function constraintOf(fault: unknown): string | undefined {
  return fault instanceof QueryFailedError ? (fault.driverError as { constraint?: string }).constraint : undefined;
}
