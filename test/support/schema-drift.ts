/** Columns of one table: name → type in PostgreSQL's words, with ` not null` where it holds. */
export type TableColumns = Map<string, string>;
export type Schema = Map<string, TableColumns>;

/**
 * Differences between what entities say and what migrations made, one sentence each. Tables in `withoutEntity` are used by
 * SQL alone; a name there that is no table, or has an entity after all, is a difference too.
 */
export function describeDrift(entities: Schema, tables: Schema, withoutEntity: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const [table, columns] of entities) {
    const made = tables.get(table);
    if (made === undefined) {
      found.push(`${table}: an entity that no migration created`);
      continue;
    }
    for (const [name, type] of columns) {
      const actual = made.get(name);
      if (actual === undefined) found.push(`${table}.${name}: a column of the entity that no migration created`);
      else if (actual !== type) found.push(`${table}.${name}: the entity says ${type}, the table ${actual}`);
    }
    for (const name of made.keys())
      if (!columns.has(name)) found.push(`${table}.${name}: a column that the entity lacks`);
    if (withoutEntity.has(table)) found.push(`${table}: has an entity, although the list says not`);
  }
  for (const table of tables.keys())
    if (!entities.has(table) && !withoutEntity.has(table))
      found.push(`${table}: neither an entity nor in the list of tables without one`);
  for (const table of withoutEntity)
    if (!tables.has(table))
      found.push(`${table}: in the list of tables without an entity, but no migration created it`);
  return found.sort();
}
