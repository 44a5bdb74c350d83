import { Injectable } from '@nestjs/common';
import { SettingStore } from '../../database/setting-store.js';
import { Clock } from '../../platform/clock/clock.js';
import type { DeploymentSettingBody } from './deployment.dto.js';
import { PlanRepository } from './plan.repository.js';

export interface DeploymentSetting {
  afterDownload: DeploymentSettingBody['afterDownload'];
  planId: string | null;
  enginePlanId: string | null;
}

/** The built-in plan; its content may be changed, its id is known. */
export const SAFE_MODE_ID = '00000000-0000-4000-8000-000000000002';

export const DEPLOYMENT_DEFAULT: DeploymentSetting = {
  afterDownload: 'do-not-deploy',
  planId: SAFE_MODE_ID,
  enginePlanId: null,
};

/** What follows a download when no plan claims its components. */
@Injectable()
export class DeploymentSettings {
  constructor(
    private readonly store: SettingStore,
    private readonly plans: PlanRepository,
    private readonly clock: Clock,
  ) {}

  async get(): Promise<DeploymentSetting> {
    return { ...DEPLOYMENT_DEFAULT, ...(await this.store.get<Partial<DeploymentSetting>>('deployment', {})) };
  }

  /** @throws AppError `plan-unknown`. A `by-plan` without a plan means the built-in one. */
  async put(body: DeploymentSettingBody, actor: string): Promise<DeploymentSetting> {
    const value: DeploymentSetting = {
      afterDownload: body.afterDownload,
      planId: body.planId ?? (body.afterDownload === 'by-plan' ? SAFE_MODE_ID : null),
      enginePlanId: body.enginePlanId ?? null,
    };
    for (const id of [value.planId, value.enginePlanId]) if (id !== null) await this.plans.get(id);
    await this.store.put('deployment', value, actor, this.clock.now());
    return value;
  }
}
