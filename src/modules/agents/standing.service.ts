import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../platform/clock/clock.js';
import { isUnderWay } from './agent-directory.js';
import { AgentGroupService } from './agent-group.service.js';
import { connectionOf, type ConnectionState } from './connection-state.js';
import { ContactRecorder } from './contact-recorder.js';
import type { Approval } from './fleet.types.js';

/** How a product stands now, as far as it explains why something waits. */
export interface Standing {
  approval: Approval;
  connection: ConnectionState;
  ownUpdateRunning: boolean;
}

@Injectable()
export class StandingService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly groups: AgentGroupService,
    private readonly contacts: ContactRecorder,
    private readonly clock: Clock,
  ) {}

  /** Products that are gone are absent. */
  async of(controllerIds: readonly string[]): Promise<Map<string, Standing>> {
    if (controllerIds.length === 0) return new Map();
    const [rows, intervals] = await Promise.all([
      this.dataSource.query<
        {
          id: string;
          groupId: string;
          approval: Approval;
          ownUpdateSince: Date | null;
          lastContactAt: Date | null;
        }[]
      >(
        `select a.controller_id as id, a.group_id as "groupId", a.approval, a.own_update_since as "ownUpdateSince",
           c.last_contact_at as "lastContactAt"
         from agent a left join agent_contact c using (controller_id) where a.controller_id = any($1)`,
        [controllerIds],
      ),
      this.groups.intervals(),
    ]);
    const now = this.clock.now();
    return new Map(
      rows.map((row) => {
        const contact = latest(this.contacts.lastOf(row.id), row.lastContactAt);
        const { state } = connectionOf(contact, intervals.get(row.groupId) ?? 900, now);
        const running = isUnderWay(row.ownUpdateSince, now);
        return [row.id, { approval: row.approval, connection: state, ownUpdateRunning: running }];
      }),
    );
  }
}

function latest(a: Date | null, b: Date | null): Date | null {
  return a !== null && (b === null || a > b) ? a : b;
}
