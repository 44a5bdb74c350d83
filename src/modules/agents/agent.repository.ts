import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Approval, FleetMember, FleetSelection } from './fleet.types.js';
import type { DuplicateEvidence } from './agent.entity.js';
import { Agent } from './agent.entity.js';
import { OVERDUE_AFTER } from './connection-state.js';

export interface NewAgent {
  controllerId: string;
  name: string | null;
  groupId: string;
  approval: Approval;
  tokenHash: Buffer | null;
  productType: string | null;
  tags: string[];
  origin: 'registered' | 'enrolled';
}

/** What a poll needs to know of a product. */
export interface AgentFacts {
  controllerId: string;
  approval: Approval;
  tokenHash: Buffer | null;
  groupId: string;
  configDataWanted: boolean;
  configDataAt: Date | null;
  autoConfirm: boolean;
  capabilities: string[];
  ownUpdateSince: Date | null;
  origin: string;
  createdAt: Date;
  ownSchedule: string | null;
}

/** Where a request came from, and what tells one machine from another: address, program, and an instance id where there is one. */
export interface ContactSource {
  address: string;
  fingerprint: string;
}

export interface Contact extends ContactSource {
  controllerId: string;
  at: Date;
  /** How often an earlier source came back since the last flush. */
  returns: number;
}

export interface AgentRow extends Agent {
  lastContactAt: Date | null;
  address: string | null;
  components: { id: string; version: string; rawVersion: string; variant: string | null; reportedAt: string }[];
}

export interface AgentFilter {
  groups?: string[] | undefined;
  approval?: Approval | undefined;
  tag?: string | undefined;
  product?: string | undefined;
  text?: string | undefined;
  /** Last contact; by poll seconds of the group. */
  connection?: { newerThan: number | null; olderThan: number } | 'never' | undefined;
  duplicates?: boolean | undefined;
}

const FACTS = `controller_id as "controllerId", approval, token_hash as "tokenHash", group_id as "groupId",
  config_data_wanted as "configDataWanted", config_data_at as "configDataAt", auto_confirm as "autoConfirm", capabilities,
  own_update_since as "ownUpdateSince", origin, created_at as "createdAt",
  own_schedule as "ownSchedule"`;

const ROW = `a.controller_id as "controllerId", a.name, a.group_id as "groupId", a.approval, a.token_hash as "tokenHash",
  a.product_type as "productType", a.product_version as "productVersion", a.tags, a.attributes, a.capabilities,
  a.own_schedule as "ownSchedule", a.own_update_since as "ownUpdateSince", a.pushed_at as "pushedAt", a.licences, a.config_data_wanted as "configDataWanted",
  a.config_data_at as "configDataAt", a.auto_confirm as "autoConfirm", a.callback_url as "callbackUrl",
  a.callback_secret as "callbackSecret", a.duplicate, a.origin, a.created_at as "createdAt", a.created_by as "createdBy",
  c.last_contact_at as "lastContactAt", c.address,
  coalesce((select jsonb_agg(jsonb_build_object('id', i.component_id, 'version', i.version, 'rawVersion', i.raw_version,
     'variant', i.variant, 'reportedAt', i.reported_at) order by i.component_id)
   from agent_component i where i.controller_id = a.controller_id), '[]') as components`;

/** Ids of groups and all below them. */
export const SUBTREE = `with recursive below as (
    select id from agent_group where id = any($1::uuid[]) union select g.id from agent_group g join below b on g.parent_id = b.id
  ) select id from below`;

/** All SQL of agents. */
@Injectable()
export class AgentRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** @returns the ids that are new; those that exist already are left alone. */
  async insert(agents: NewAgent[], createdBy: string, now: Date, manager: EntityManager): Promise<Set<string>> {
    const rows = agents.map(({ tokenHash, ...agent }) => ({ ...agent, tokenHash: tokenHash?.toString('hex') ?? null }));
    const inserted = await manager.query<{ controller_id: string }[]>(
      `insert into agent (controller_id, name, group_id, approval, token_hash, product_type, tags, origin, created_at, created_by)
       select n."controllerId", n.name, n."groupId", n.approval, decode(n."tokenHash", 'hex'), n."productType", n.tags, n.origin, $2, $3
       from jsonb_to_recordset($1::jsonb) as n("controllerId" text, name text, "groupId" uuid, approval text, "tokenHash" text,
         "productType" text, tags text[], origin text)
       on conflict (controller_id) do nothing returning controller_id`,
      [JSON.stringify(rows), now, createdBy],
    );
    return new Set(inserted.map((row) => row.controller_id));
  }

  facts(controllerIds: readonly string[]): Promise<AgentFacts[]> {
    return this.dataSource.query<AgentFacts[]>(`select ${FACTS} from agent where controller_id = any($1)`, [
      controllerIds,
    ]);
  }

  async find(controllerId: string): Promise<AgentRow | null> {
    const [row] = await this.dataSource.query<AgentRow[]>(
      `select ${ROW} from agent a left join agent_contact c using (controller_id) where a.controller_id = $1`,
      [controllerId],
    );
    return row ?? null;
  }

  /** In order of the controllerId. `pollSeconds`: group → effective interval. */
  list(
    filter: AgentFilter,
    after: string | null,
    limit: number,
    pollSeconds: ReadonlyMap<string, number>,
    now: Date,
  ): Promise<AgentRow[]> {
    const values: unknown[] = [];
    const value = (it: unknown): string => `$${values.push(it)}`;
    const where = ['true'];
    if (after !== null) where.push(`a.controller_id > ${value(after)}`);
    if (filter.groups) where.push(`a.group_id = any(${value(filter.groups)}::uuid[])`);
    if (filter.approval) where.push(`a.approval = ${value(filter.approval)}`);
    if (filter.tag) where.push(`a.tags @> array[${value(filter.tag)}]`);
    if (filter.product) where.push(`a.product_type = ${value(filter.product)}`);
    if (filter.duplicates) where.push(`a.duplicate is not null`);
    if (filter.text) {
      const like = value(`%${filter.text.replace(/[\\%_]/g, '\\$&')}%`);
      where.push(
        `(a.controller_id ilike ${like} or a.name ilike ${like} or a.attributes ->> 'hostname' ilike ${like})`,
      );
    }
    if (filter.connection === 'never') where.push('c.last_contact_at is null');
    else if (filter.connection) {
      const { newerThan, olderThan } = filter.connection;
      const seconds = `(select s.seconds from jsonb_each_text(${value(JSON.stringify(Object.fromEntries(pollSeconds)))}::jsonb)
        as e(key, val), lateral (select e.val::int as seconds) s where e.key = a.group_id::text)`;
      const at = value(now);
      const instant = (intervals: number): string =>
        `${at}::timestamptz - interval '1 second' * ${intervals} * ${seconds}`;
      if (olderThan > 0) where.push(`c.last_contact_at < ${instant(olderThan)}`);
      if (newerThan !== null) where.push(`c.last_contact_at >= ${instant(newerThan)}`);
    }
    return this.dataSource.query<AgentRow[]>(
      `select ${ROW} from agent a left join agent_contact c using (controller_id) where ${where.join(' and ')}
       order by a.controller_id limit ${value(limit)}`,
      values,
    );
  }

  async patch(
    controllerId: string,
    patch: Partial<Agent>,
    manager: EntityManager = this.dataSource.manager,
  ): Promise<boolean> {
    const result = await manager.getRepository(Agent).update({ controllerId }, patch);
    return (result.affected ?? 0) > 0;
  }

  async remove(controllerIds: readonly string[], manager: EntityManager): Promise<string[]> {
    const [rows] = await manager.query<[{ controller_id: string }[], number]>(
      `delete from agent where controller_id = any($1) returning controller_id`,
      [controllerIds],
    );
    return rows.map((row) => row.controller_id);
  }

  /** Who of these has a configured callback. */
  callbacks(controllerIds: readonly string[]): Promise<{ controllerId: string; url: string; secret: string }[]> {
    return this.dataSource.query(
      `select controller_id as "controllerId", callback_url as url, callback_secret as secret from agent
       where controller_id = any($1) and callback_url is not null and callback_secret is not null and approval = 'approved'`,
      [controllerIds],
    );
  }

  /** A callback that the product itself gave: it is told a new secret when it gives it again. */
  async forgetOwnCallback(manager: EntityManager, controllerId: string): Promise<void> {
    await manager.query(
      `update agent set callback_url = null, callback_secret = null
       where controller_id = $1 and callback_url = attributes ->> 'haishin.callback'`,
      [controllerId],
    );
  }

  /**
   * One statement for all who were heard of. A source that comes back after another one was seen, again and again within an
   * hour, is what two machines with one identity look like. Nodes write a moment after each other; a contact of much later than now was
   * noted while the clock was wrong. @returns agents whose count of such returns is `limit` or more.
   */
  async storeContacts(
    contacts: Contact[],
    limit: number,
  ): Promise<{ controllerId: string; fingerprint: string; earlier: string | null }[]> {
    return this.dataSource
      .query(
        `insert into agent_contact as old (controller_id, last_contact_at, address, fingerprint, switches, switched_at)
       select n."controllerId", n.at, n.address, n.fingerprint, n.returns, n.at
       from jsonb_to_recordset($1::jsonb) as n("controllerId" text, at timestamptz, address text, fingerprint text, returns int)
       join agent a on a.controller_id = n."controllerId" order by 1
       on conflict (controller_id) do update set
         last_contact_at = case when old.last_contact_at > excluded.last_contact_at + interval '1 hour' then excluded.last_contact_at
           else greatest(old.last_contact_at, excluded.last_contact_at) end,
         address = excluded.address, fingerprint = excluded.fingerprint,
         earlier_fingerprint = case when old.fingerprint is distinct from excluded.fingerprint then old.fingerprint else old.earlier_fingerprint end,
         switches = case when old.switched_at < excluded.last_contact_at - interval '1 hour' then 0 else old.switches end + excluded.switches
           + case when excluded.fingerprint = old.earlier_fingerprint and excluded.fingerprint <> old.fingerprint then 1 else 0 end,
         switched_at = case when excluded.switches > 0 or old.fingerprint is distinct from excluded.fingerprint then excluded.last_contact_at
           else old.switched_at end
       returning controller_id as "controllerId", fingerprint, earlier_fingerprint as earlier, switches`,
        [JSON.stringify(contacts)],
      )
      .then((rows: { controllerId: string; fingerprint: string; earlier: string | null; switches: number }[]) =>
        rows.filter((row) => row.switches >= limit),
      );
  }

  /** Written at most once an hour. */
  async storePush(manager: EntityManager, controllerId: string, now: Date): Promise<void> {
    await manager.query(
      `update agent set pushed_at = $2 where controller_id = $1 and own_schedule = 'on'
         and (pushed_at is null or pushed_at < $2::timestamptz - interval '1 hour')`,
      [controllerId, now],
    );
  }

  async flagDuplicate(controllerId: string, evidence: DuplicateEvidence): Promise<boolean> {
    const [, changed] = await this.dataSource.query<[unknown[], number]>(
      `update agent set duplicate = $2 where controller_id = $1 and duplicate is null`,
      [controllerId, JSON.stringify(evidence)],
    );
    return changed > 0;
  }

  /** As `flagDuplicate`, when the product is in touch, and from another address: an online one has not lost its token. */
  async flagUsurped(
    manager: EntityManager,
    controllerId: string,
    { from, by, now, pollSeconds }: { from: ContactSource; by: string; now: Date; pollSeconds: number },
  ): Promise<boolean> {
    const inTouchSince = new Date(now.getTime() - OVERDUE_AFTER * pollSeconds * 1000);
    const [, changed] = await manager.query<[unknown[], number]>(
      `update agent a set duplicate = jsonb_build_object('since', $2::text, 'sources', jsonb_build_array(c.fingerprint, $3::text),
         'enrolledBy', $4::text)
       from agent_contact c where a.controller_id = $1 and c.controller_id = $1 and a.duplicate is null
         and c.last_contact_at > $5 and c.address is distinct from $6`,
      [controllerId, now.toISOString(), from.fingerprint, by, inTouchSince, from.address],
    );
    return changed > 0;
  }

  async forgetSwitches(controllerId: string): Promise<void> {
    await this.dataSource.query(
      `update agent_contact set switches = 0, earlier_fingerprint = null where controller_id = $1`,
      [controllerId],
    );
  }

  async subtree(groupIds: readonly string[]): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(SUBTREE, [groupIds]);
    return rows.map((row) => row.id);
  }

  /** The union of what is selected; `groups` already with their subgroups. */
  select(selection: FleetSelection, manager: EntityManager = this.dataSource.manager): Promise<FleetMember[]> {
    const everything = selection.all === true;
    return manager.query<FleetMember[]>(
      `select a.controller_id as "controllerId", a.group_id as "groupId", a.approval, a.product_type as "productType", a.tags,
         a.capabilities, a.licences, coalesce(i.components, '[]') as components
       from agent a
       left join (select controller_id, jsonb_agg(jsonb_build_object('id', component_id, 'version', version,
           'rawVersion', raw_version, 'variant', variant)) as components
         from agent_component group by controller_id) i using (controller_id)
       where $1 or a.controller_id = any($2) or a.group_id = any($3::uuid[]) or a.tags && $4 or a.product_type = any($5)
       order by a.controller_id`,
      [everything, selection.agents ?? [], selection.groups ?? [], selection.tags ?? [], selection.productTypes ?? []],
    );
  }
}
