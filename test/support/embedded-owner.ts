/**
 * A process that owns an embedded PostgreSQL, for tests that kill it: `embedded-owner.ts <dataDir> [exit|crowd]`. Prints one
 * line of JSON when the server runs, or `{ code, message, details }`, and then what it logs; stops it in order on SIGTERM; at a
 * word on its input `exit` leaves without stop(), `crowd` opens files until it may open no more.
 */
import { openSync } from 'node:fs';

import { findPostmaster } from '../../src/database/embedded/postmaster-file.js';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { AppError } from '../../src/platform/errors/app-error.js';
import { sameInAll } from '../../src/platform/texts/texts.js';

const [, , dataDir = '', mode] = process.argv;
let told = false;
const tell = (facts: object): void => void process.stdout.write(`${JSON.stringify(facts)}\n`);
const note = (_facts: unknown, message?: string): void => (told ? tell({ logged: message }) : undefined);
const logger = { debug: note, info: note, warn: note, error: note };
const keepAlive = setInterval(() => undefined, 60_000);
try {
  const began = performance.now();
  const server = await startEmbeddedPostgres({ dataDir, logger });
  const milliseconds = Math.round(performance.now() - began);
  const postmaster = await findPostmaster(`${dataDir}/cluster`);
  process.once('SIGTERM', () => {
    clearInterval(keepAlive);
    void server.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  tell({ url: server.url, postmaster: postmaster?.process.pid, milliseconds });
  told = true;
  if (mode === 'exit') process.stdin.once('data', () => process.exit(0));
  if (mode === 'crowd') process.stdin.once('data', openAll);
} catch (error) {
  const { code, message, details } =
    error instanceof AppError ? error : new AppError('internal', { code: 'internal', text: sameInAll(String(error)) });
  tell({ code, message, details });
  process.exit(1);
}

function openAll(): void {
  try {
    for (;;) openSync('/dev/null', 'r');
  } catch {
    // That was the last one.
  }
}
