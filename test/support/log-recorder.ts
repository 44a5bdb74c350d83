import type { DatabaseLogger } from '../../src/database/database.logger.js';

export interface LogRecorder extends DatabaseLogger {
  /** `level: message`, in order. */
  lines: string[];
}

/** Keeps what was logged, for tests of what a person is told. */
export function recordLog(): LogRecorder {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (first: unknown, message?: string): void =>
      void lines.push(`${level}: ${message ?? String(first)}`);
  return { lines, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
}
