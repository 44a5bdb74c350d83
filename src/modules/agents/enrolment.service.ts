import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { AgentChanges } from './agent-changes.js';
import { NEW_ENTITY } from './agent-group.entity.js';
import { newToken, tokenHash } from './agent-token.js';
import { AgentRepository, type ContactSource } from './agent.repository.js';
import { AgentSettings } from './agent.settings.js';
import type { EnrolmentToken } from './enrolment-token.entity.js';
import { EnrolmentTokenService } from './enrolment-token.service.js';

/** Products that enrol themselves. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly agents: AgentRepository,
    private readonly tokens: EnrolmentTokenService,
    private readonly settings: AgentSettings,
    private readonly changes: AgentChanges,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * A product that is not known yet.
   * @returns its own token, handed out this once; null when the token has no use left.
   */
  async enrol(controllerId: string, by: EnrolmentToken): Promise<string | null> {
    const handedOut = newToken();
    const approve = by.autoApprove ?? (await this.settings.get()).autoApprove;
    const outcome = await inTransaction(this.dataSource, async (manager) => {
      const inserted = await this.agents.insert(
        [
          {
            controllerId,
            name: null,
            groupId: by.groupId,
            approval: approve ? 'approved' : 'pending',
            tokenHash: tokenHash(handedOut),
            productType: null,
            tags: [],
            origin: 'enrolled',
          },
        ],
        `enrolment token ${by.name}`,
        this.clock.now(),
        manager,
      );
      // Another request of the same product was faster: nothing is used up, nothing handed out.
      if (inserted.size === 0) return 'known';
      if (await this.tokens.use(manager, by.id)) return 'enrolled';
      await this.agents.remove([controllerId], manager);
      return 'used-up';
    });
    this.changes.publishSoon([controllerId]);
    return outcome === 'enrolled' ? handedOut : null;
  }

  /**
   * A product that enrolled itself before and lost its token; or somebody who shares the enrolment token and says so. Where the product
   * was heard from another address a moment ago, people are told.
   * @returns its new token; null when no use is left, or when that is not how products come back here.
   */
  async enrolAgain(
    { controllerId, pollSeconds }: { controllerId: string; pollSeconds: number },
    by: EnrolmentToken,
    from: ContactSource,
  ): Promise<string | null> {
    const { enrolAgain } = await this.settings.get();
    const handedOut = newToken();
    const now = this.clock.now();
    let usurped = false;
    const used = await inTransaction(this.dataSource, async (manager) => {
      if (!enrolAgain || !(await this.tokens.use(manager, by.id))) return false;
      usurped = await this.agents.flagUsurped(manager, controllerId, { from, by: by.name, now, pollSeconds });
      await this.agents.patch(controllerId, { tokenHash: tokenHash(handedOut), configDataWanted: true }, manager);
      // Who lost one secret has lost the other, too.
      await this.agents.forgetOwnCallback(manager, controllerId);
      return true;
    });
    if (!used) return null;
    const facts = { agent: controllerId, enrolmentToken: by.name, address: from.address };
    if (usurped)
      this.logger.warn(facts, 'a product enrolled again from another address while it was in touch: see its conflicts');
    else this.logger.info(facts, 'a product enrolled again: its token of before is refused from now on');
    this.changes.publishSoon([controllerId]);
    return handedOut;
  }

  /** A product whose certificate an authority of ours issued. @returns false when that is not how products enrol here. */
  async enrolByCertificate(controllerId: string): Promise<boolean> {
    const setting = await this.settings.get();
    if (!setting.enrolByCertificate) return false;
    const agent = {
      controllerId,
      name: null,
      groupId: NEW_ENTITY,
      approval: setting.autoApprove ? ('approved' as const) : ('pending' as const),
      tokenHash: null,
      productType: null,
      tags: [],
      origin: 'enrolled' as const,
    };
    await inTransaction(this.dataSource, (manager) =>
      this.agents.insert([agent], 'client certificate', this.clock.now(), manager),
    );
    this.changes.publishSoon([controllerId]);
    return true;
  }
}
