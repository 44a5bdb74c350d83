import { createServer } from 'node:http';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { answerHalfClosed } from './half-closed.js';
import type { RequestHandler } from './listeners.js';
import { markOwnProcesses } from './own-process.js';

/** Listens on a unix socket that only this account can open; for processes of our own. */
export async function startSocketListener(
  path: string,
  handler: RequestHandler,
): Promise<{ close(graceMs: number): Promise<void> }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  const server = createServer(
    { keepAliveTimeout: 65_000, requireHostHeader: false, requestTimeout: 3_600_000 },
    handler,
  );
  answerHalfClosed(server);
  markOwnProcesses(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  // Whoever opens it is believed in all that he says of others; the directory may be older than us, and open to more.
  await chmod(path, 0o600);
  return {
    close: (graceMs) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
