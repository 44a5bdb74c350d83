import pg from 'pg';
import type { QueryRunner } from 'typeorm';

/**
 * A connection that does not outlive a server which fell silent (frozen, or cut off without a word). pg's own `query_timeout` only fails
 * the waiting statement: its answer may still come, so the connection could be used for nothing else. Here it is ended at once, which
 * also fails the ROLLBACK behind it instead of waiting a second time, and lets the pool replace it.
 */
export class BoundedClient extends pg.Client {
  constructor(options?: string | pg.ClientConfig) {
    super(options);
    // The pool takes its listener away before TypeORM sets its own, one turn later; a server that ends the connection within that turn
    // would end the process. The statements that follow fail by themselves.
    this.on('error', () => undefined);
    const ask = this.query.bind(this) as (...parameters: unknown[]) => unknown;
    this.query = ((...parameters: unknown[]): unknown => {
      const answer = ask(...parameters);
      if (answer instanceof Promise)
        answer.catch((fault: unknown) => {
          if (isSilence(fault)) void this.end();
        });
      return answer;
    }) as pg.Client['query'];
  }
}

/** pg's word for a statement that the server has not answered within `query_timeout`; it has no code. */
function isSilence(fault: unknown): boolean {
  return fault instanceof Error && fault.message === 'Query read timeout';
}

/** A statement whose answer may take longer than the pool's limit, or must not take as long: `milliseconds` instead. */
export async function queryWithin(
  runner: QueryRunner,
  milliseconds: number,
  text: string,
  values: unknown[] = [],
): Promise<void> {
  const client = (await runner.connect()) as pg.Client;
  // pg reads the limit from the statement too; its types do not say so.
  await client.query({ text, values, query_timeout: milliseconds } as pg.QueryConfig);
}
