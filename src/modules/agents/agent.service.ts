import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isUniqueViolation } from '../../database/database.errors.js';
import { inTransaction, nothingAlongside, retried, type Alongside } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import { SecretBox } from '../../platform/secrets/secret-box.js';
import { ActionPort } from './action.port.js';
import { AgentChanges } from './agent-changes.js';
import { NEW_ENTITY } from './agent-group.entity.js';
import { AgentGroupService } from './agent-group.service.js';
import { newToken, tokenHash } from './agent-token.js';
import { CONTROLLER_ID, invalidControllerId, isControllerId, unknownAgents } from './agent.errors.js';
import { AgentRepository, type AgentFilter, type NewAgent } from './agent.repository.js';
import { agentView, type AgentView } from './agent.view.js';
import { ContactRecorder } from './contact-recorder.js';
import type { AgentLicence, Approval } from './fleet.types.js';
import { WakeUpNetworks } from './wake-up-networks.js';

export interface AgentOrder {
  controllerId: string;
  name?: string | null;
  /** Id or name; default: New Entity. */
  group?: string | undefined;
  securityToken?: string | undefined;
  tags?: string[] | undefined;
  productType?: string | undefined;
}

export interface RegisteredAgent {
  controllerId: string;
  /** Shown this once. */
  securityToken: string;
}

export interface AgentPatch {
  name?: string | null;
  group?: string;
  tags?: string[];
  productType?: string | null;
  licences?: AgentLicence[] | null;
  approval?: Approval;
  autoConfirm?: boolean;
  callbackUrl?: string | null;
  /** Ask the product for its attributes at its next contact. */
  configDataWanted?: boolean;
  /** null: the administrator has seen to it. */
  duplicate?: null;
}

export interface AgentQuery extends Omit<AgentFilter, 'groups'> {
  /** Ids or names; with their subgroups. */
  groups?: string[];
}

/** Managed products as administrators see and change them. */
@Injectable()
export class AgentService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly agents: AgentRepository,
    private readonly groups: AgentGroupService,
    private readonly contacts: ContactRecorder,
    private readonly changes: AgentChanges,
    private readonly actions: ActionPort,
    private readonly networks: WakeUpNetworks,
    private readonly secrets: SecretBox,
    private readonly clock: Clock,
  ) {}

  /**
   * All of them or none.
   * @param alongside told their ids
   * @throws AppError `agent-exists` with the ids, `controller-id-invalid`, `agent-group-unknown`, `agent-twice`, `token-in-use`.
   */
  async register(
    orders: AgentOrder[],
    actor: string,
    alongside: Alongside<readonly string[]> = nothingAlongside,
  ): Promise<RegisteredAgent[]> {
    const strange = orders.find((order) => !isControllerId(order.controllerId));
    if (strange !== undefined) throw invalidControllerId(strange.controllerId);
    const groups = new Map<string, string>();
    for (const { group } of orders)
      if (group !== undefined && !groups.has(group)) groups.set(group, await this.groups.resolve(group));
    const registered = orders.map((order) => ({
      controllerId: order.controllerId,
      securityToken: order.securityToken ?? newToken(),
    }));
    if (new Set(registered.map((each) => each.controllerId)).size < orders.length)
      throw new AppError('bad-input', 'agent-twice');
    const rows = orders.map((order, index): NewAgent => ({
      controllerId: order.controllerId,
      name: order.name ?? null,
      groupId: order.group === undefined ? NEW_ENTITY : (groups.get(order.group) ?? NEW_ENTITY),
      approval: 'approved',
      tokenHash: tokenHash(registered[index]?.securityToken ?? newToken()),
      productType: order.productType ?? null,
      tags: order.tags ?? [],
      origin: 'registered',
    }));
    await inTransaction(this.dataSource, async (manager) => {
      const inserted = await this.agents.insert(rows, actor, this.clock.now(), manager).catch((fault: unknown) => {
        if (isUniqueViolation(fault, 'agent_token_unique')) throw tokenInUse(fault);
        throw fault;
      });
      const known = rows.filter((row) => !inserted.has(row.controllerId)).map((row) => row.controllerId);
      if (known.length > 0)
        throw new AppError('conflict', 'agent-exists', {
          details: { agents: known.slice(0, 20) },
        });
      await alongside(
        manager,
        rows.map((row) => row.controllerId),
      );
    });
    await this.changes.publish(rows.map((row) => row.controllerId));
    return registered;
  }

  async list(query: PageQuery, wanted: AgentQuery): Promise<Page<AgentView>> {
    const after = decodeCursor(query.cursor, 1);
    const pollSeconds = await this.groups.intervals();
    const groups =
      wanted.groups === undefined
        ? undefined
        : await this.agents.subtree(await Promise.all(wanted.groups.map((group) => this.groups.resolve(group))));
    const now = this.clock.now();
    const from = after === null ? null : String(after[0]);
    const rows = await this.agents.list({ ...wanted, groups }, from, query.limit + 1, pollSeconds, now);
    return toPage(
      rows,
      query.limit,
      (row) => [row.controllerId],
      (row) => agentView(row, this.contacts.lastOf(row.controllerId), pollSeconds.get(row.groupId) ?? 0, now),
    );
  }

  /** @throws AppError `agent-unknown`. */
  async get(controllerId: string): Promise<AgentView> {
    const row = CONTROLLER_ID.test(controllerId) ? await this.agents.find(controllerId) : null;
    if (row === null) throw unknownAgents([controllerId]);
    const pollSeconds = (await this.groups.intervals()).get(row.groupId) ?? 0;
    return agentView(row, this.contacts.lastOf(controllerId), pollSeconds, this.clock.now());
  }

  /**
   * @returns the secret of a new callback, which is shown this once.
   * @throws AppError `agent-unknown`, `agent-group-unknown`, `callback-url-invalid`.
   */
  async change(controllerId: string, patch: AgentPatch): Promise<{ callbackSecret: string | null }> {
    const { group, callbackUrl, ...plain } = patch;
    const change: Record<string, unknown> = { ...plain };
    if (group !== undefined) change['groupId'] = await this.groups.resolve(group);
    let callbackSecret: string | null = null;
    if (callbackUrl !== undefined) {
      if (callbackUrl !== null) this.networks.checkUrl(callbackUrl);
      callbackSecret = callbackUrl === null ? null : newToken();
      change['callbackUrl'] = callbackUrl;
      change['callbackSecret'] = callbackSecret === null ? null : this.secrets.seal(callbackSecret);
    }
    if (Object.keys(change).length > 0 && !(await this.agents.patch(controllerId, change)))
      throw unknownAgents([controllerId]);
    if (patch.duplicate === null) await this.agents.forgetSwitches(controllerId);
    if (patch.autoConfirm === true)
      await this.actions.confirmAll({ controllerId, capabilities: [], ownSchedule: null });
    await this.changes.publish([controllerId]);
    return { callbackSecret };
  }

  /** A new token; the earlier one is refused from now on. @throws AppError `agent-unknown`. */
  async rotateToken(controllerId: string): Promise<RegisteredAgent> {
    const securityToken = newToken();
    if (!(await this.agents.patch(controllerId, { tokenHash: tokenHash(securityToken) })))
      throw unknownAgents([controllerId]);
    await this.changes.publish([controllerId]);
    return { controllerId, securityToken };
  }

  /** Its open orders end; its history stays. @throws AppError `agent-unknown`. */
  async remove(controllerId: string): Promise<void> {
    await retried(this.dataSource, async (manager) => {
      const removed = await this.agents.remove([controllerId], manager);
      if (removed.length === 0) throw unknownAgents([controllerId]);
      await this.actions.agentRemoved(manager, [controllerId]);
    });
    await this.changes.publish([controllerId]);
  }
}

function tokenInUse(cause: unknown): AppError {
  return new AppError('conflict', 'token-in-use', { cause });
}
