import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction, nothingAlongside, type Alongside } from '../../database/transaction.js';
import type { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { CATALOGUE } from '../manifest/catalogue.js';
import { Component } from './component.entity.js';

export type ComponentPatch = Partial<
  Pick<
    Component,
    | 'nameJa'
    | 'nameEn'
    | 'entries'
    | 'variants'
    | 'licence'
    | 'restarts'
    | 'signatures'
    | 'scheduled'
    | 'cadence'
    | 'numbering'
    | 'filePatterns'
  >
>;

const CLAIM_LOCK = `select pg_advisory_xact_lock(hashtext('haishin-component-entries'))`;

/** The catalogue as the administrator has it; the built-in components are only its first content. */
export class CatalogueRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** Writes built-in components that are absent; what people changed stays. */
  async seed(): Promise<void> {
    const now = this.clock.now();
    const rows = CATALOGUE.map((entry, position) => ({
      id: entry.id,
      nameJa: entry.names.ja,
      nameEn: entry.names.en,
      kind: entry.kind,
      numbering: entry.numbering,
      entries: entry.entries,
      variants: entry.variants,
      licence: entry.licence,
      carriedByControlManager: entry.carriedByControlManager,
      restarts: entry.restarts,
      signatures: 'as-before' as const,
      filePatterns: entry.filePatterns,
      cadence: entry.cadence,
      builtIn: true,
      scheduled: true,
      position,
      createdAt: now,
      updatedAt: now,
    }));
    await this.dataSource.createQueryBuilder().insert().into(Component).values(rows).orIgnore().execute();
  }

  list(): Promise<Component[]> {
    return this.dataSource.getRepository(Component).find({ order: { position: 'ASC', id: 'ASC' } });
  }

  /** @throws AppError `component-unknown`. */
  async get(id: string): Promise<Component> {
    const component = await this.dataSource.getRepository(Component).findOneBy({ id });
    if (component === null) throw unknownComponent(id);
    return component;
  }

  /** @throws AppError `component-exists`, `entry-claimed`. */
  async insert(component: Component, alongside: Alongside<string> = nothingAlongside): Promise<void> {
    await this.claiming(component.id, component.entries, async (manager) => {
      const result = await manager
        .createQueryBuilder()
        .insert()
        .into(Component)
        .values(component)
        .orIgnore()
        .returning('id')
        .execute();
      if ((result.raw as unknown[]).length === 0)
        throw new AppError('conflict', 'component-exists', { values: { id: component.id } });
      await alongside(manager, component.id);
    });
  }

  /** @throws AppError `component-unknown`, `entry-claimed`. */
  async patch(id: string, patch: ComponentPatch): Promise<Component> {
    await this.claiming(id, patch.entries ?? [], async (manager) => {
      const result = await manager.update(Component, { id }, { ...patch, updatedAt: this.clock.now() });
      if (result.affected === 0) throw unknownComponent(id);
    });
    return this.get(id);
  }

  /**
   * An entry belongs to one component: of two that claim it at the same moment the second finds the first. What the component had
   * already is no claim: older databases have entries with two owners, and a client may send them back beside a new name.
   */
  private async claiming(
    id: string,
    entries: readonly string[],
    write: (manager: EntityManager) => Promise<void>,
  ): Promise<void> {
    await inTransaction(this.dataSource, async (manager) => {
      if (entries.length > 0) await manager.query(CLAIM_LOCK);
      const [before] = await manager.query<{ entries: string[] }[]>(`select entries from component where id = $1`, [
        id,
      ]);
      const had = new Set(before?.entries.map((entry) => entry.toUpperCase()));
      await write(manager);
      const [claimed] = await manager.query<{ component: string; entry: string }[]>(
        `select c.id as component, e.entry from component c, unnest(c.entries) e(entry)
         where c.id <> $1 and upper(e.entry) = any($2) order by c.position, c.id limit 1`,
        [id, entries.map((entry) => entry.toUpperCase()).filter((entry) => !had.has(entry))],
      );
      if (claimed !== undefined)
        throw new AppError('conflict', 'entry-claimed', {
          values: { entry: claimed.entry, component: claimed.component },
          details: claimed,
        });
    });
  }

  async setScheduled(manager: EntityManager, id: string, scheduled: boolean): Promise<void> {
    await manager.update(Component, { id }, { scheduled, updatedAt: this.clock.now() });
  }
}

export function unknownComponent(id: string): AppError {
  return new AppError('not-found', 'component-unknown', {
    details: { component: id },
  });
}

/** Unit of the manifest (upper case) → component. The first component that claims a unit has it. */
export function componentOfUnit(components: readonly Component[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const component of components)
    for (const entry of component.entries)
      if (!map.has(entry.toUpperCase())) map.set(entry.toUpperCase(), component.id);
  return map;
}
