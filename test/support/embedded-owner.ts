/**
 * A process that owns an embedded PostgreSQL, for tests that kill it: `embedded-owner.ts <dataDir> [exit]`. Prints one line
 * of JSON when the server runs, or `{ code, message, details }`; stops it in order on SIGTERM; `exit` leaves without stop().
 */
import { findPostmaster } from '../../src/database/embedded/postmaster-file.js';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { AppError } from '../../src/platform/errors/app-error.js';
import { sameInAll } from '../../src/platform/texts/texts.js';
import { silentLogger } from './silent-logger.js';

const [, , dataDir = '', mode] = process.argv;
const keepAlive = setInterval(() => undefined, 60_000);
try {
  const began = performance.now();
  const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger });
  const milliseconds = Math.round(performance.now() - began);
  const postmaster = await findPostmaster(`${dataDir}/cluster`);
  process.once('SIGTERM', () => {
    clearInterval(keepAlive);
    void server.stop().then(() => process.exit(0));
  });
  process.stdout.write(`${JSON.stringify({ url: server.url, postmaster: postmaster?.process.pid, milliseconds })}\n`);
  if (mode === 'exit') process.stdin.once('data', () => process.exit(0));
} catch (error) {
  const { code, message, details } =
    error instanceof AppError ? error : new AppError('internal', { code: 'internal', text: sameInAll(String(error)) });
  process.stdout.write(`${JSON.stringify({ code, message, details })}\n`);
  process.exit(1);
}
