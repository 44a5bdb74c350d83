import type { DatabaseLogger } from '../../src/database/database.logger.js';

export interface LogRecorder extends DatabaseLogger {
  /** `level: message`, in order. */
  lines: string[];
  /** What was logged beside each. */
  facts: unknown[];
}

/** Keeps what was logged, for tests of what a person is told. */
export function recordLog(): LogRecorder {
  const lines: string[] = [];
  const facts: unknown[] = [];
  const note =
    (level: string) =>
    (first: unknown, message?: string): void => {
      lines.push(`${level}: ${message ?? String(first)}`);
      facts.push(message === undefined ? {} : first);
    };
  return { lines, facts, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
}
