import { Injectable } from '@nestjs/common';
import { isUuid } from '../../platform/http/uuid.js';
import type { EntityManager } from 'typeorm';
import { unknownAgents, unknownGroups } from './agent.errors.js';
import { AgentRepository } from './agent.repository.js';
import type { FleetMember, FleetSelection } from './fleet.types.js';

/** Selections of products, for whoever orders something for many of them. */
@Injectable()
export class FleetService {
  constructor(private readonly agents: AgentRepository) {}

  /** Of these, who is still there. */
  members(controllerIds: string[], manager: EntityManager): Promise<FleetMember[]> {
    return this.agents.select({ agents: controllerIds }, manager);
  }

  /**
   * In order of the controllerId, each once, blocked and pending ones too.
   * @throws AppError `agent-unknown`, `agent-group-unknown` with the names in `details`.
   */
  async select(selection: FleetSelection): Promise<FleetMember[]> {
    const groups = selection.groups === undefined ? [] : await this.agents.subtree(selection.groups.filter(isUuid));
    const lost = (selection.groups ?? []).filter((id) => !groups.includes(id.toLowerCase()));
    if (lost.length > 0) throw unknownGroups(lost);
    const members = await this.agents.select({ ...selection, groups });
    if (selection.agents !== undefined) {
      const known = new Set(members.map((member) => member.controllerId));
      const unknown = selection.agents.filter((id) => !known.has(id));
      if (unknown.length > 0) throw unknownAgents(unknown);
    }
    return members;
  }
}
