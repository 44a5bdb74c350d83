import type { SelectQueryBuilder } from 'typeorm';
import { decodeCursor, toPage, type Page, type PageQuery } from '../platform/http/page.js';

interface Row {
  id: string;
  createdAt: Date;
}

/**
 * Asks for a page of rows with a time of creation and an id (UUID), newest first, and for one row more.
 * @throws AppError `cursor-invalid`.
 */
export function newestFirst<R extends Row>(builder: SelectQueryBuilder<R>, query: PageQuery): SelectQueryBuilder<R> {
  const { alias } = builder;
  const after = decodeCursor(query.cursor, ['time', 'uuid']);
  if (after !== null)
    builder.andWhere(`(${alias}.created_at, ${alias}.id) < (:after::timestamptz, :afterId::uuid)`, {
      after: after[0],
      afterId: after[1],
    });
  return builder
    .orderBy(`${alias}.created_at`, 'DESC')
    .addOrderBy(`${alias}.id`, 'DESC')
    .limit(query.limit + 1);
}

/** The page out of what `newestFirst` asked for. */
export function newestPage<R extends Row, T>(rows: R[], query: PageQuery, map: (row: R) => T): Page<T> {
  return toPage(rows, query.limit, (row) => [row.createdAt.toISOString(), row.id], map);
}
