/**
 * A complete server as a process of its own that kills itself as power loss would: `crash-server.ts <json>`. Prints
 * `listening http=<url>` when it is ready.
 */
import { flushCompileCache } from 'node:module';
import { loadConfig } from '../../src/config/config.js';
import { startServer } from '../../src/main.js';
import type { PublishStep } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { SourceLimits } from '../../src/mirror/snapshot/source-opener.js';
import type { TransferLimits } from '../../src/mirror/upstream/transfer-limits.js';
import { createLogger } from '../../src/platform/logging/logger.js';

export interface CrashServerOrder {
  dataDir: string;
  databaseUrl: string;
  upstreamUrl: string;
  token: string;
  /** Where it kills itself; null: nowhere. */
  dieAt: PublishStep | null;
  limits?: Partial<TransferLimits>;
}

const order = JSON.parse(process.argv[2] ?? '') as CrashServerOrder;
const { dataDir, databaseUrl, upstreamUrl, token, dieAt, limits } = order;
const server = await startServer({
  config: loadConfig(
    { dataDir, databaseUrl, upstreamUrl, host: '127.0.0.1', httpPort: 0, httpsPort: 'off', bootstrapToken: token },
    {},
  ),
  logger: createLogger('silent'),
  publishSteps: {
    reached: (step) => {
      if (step === dieAt) process.kill(process.pid, 'SIGKILL');
    },
  },
  sourceLimits: new SourceLimits(limits ?? {}),
  cronJobs: false,
});
// It may have no other end than a kill.
flushCompileCache();
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
process.stdout.write(`listening http=${server.httpUrl ?? ''}\n`);
