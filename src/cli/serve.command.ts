import { InvalidArgumentError, type Command } from 'commander';
import { loadConfig, unknownVariables, type Config } from '../config/config.js';
import { createLogger, type Logger } from '../platform/logging/logger.js';
import type { EmbeddedPostgres } from '../database/embedded/embedded-postgres.js';
import type { RunningServer } from '../main.js';
import { letYoungHeapGrow } from '../platform/process/young-heap.js';
import { startEmbedded } from '../server/embedded.js';
import { say } from './language.js';

/** A stop that hangs ends here: the caller's supervisor would kill us anyway, but later. */
const STOP_LIMIT_MS = 9_500;
/** SIGHUP: the terminal was closed, or the connection to it was lost. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export function registerServe(program: Command): void {
  program
    .command('serve')
    .description(say('help.serve'))
    .option('--workers <count>', say('help.serve.workers'), wholeNumber)
    .action(async (options: { workers?: number }) => {
      const config = loadConfig(options.workers === undefined ? {} : { workers: options.workers });
      const logger = createLogger(config.logLevel);
      const unknown = unknownVariables();
      if (unknown.length > 0) logger.warn({ variables: unknown }, 'no setting has these names; are they misspelt?');
      const lost = new AbortController();
      const starting = startServer(config, logger, () => lost.abort());
      // Before the line that says "ready": whoever reads it may send the signal at once.
      const stop = stopOnSignal({ stop: async () => (await starting).stop() }, logger);
      // Whoever supervises us is to start us again, for the other one may be gone by then.
      lost.signal.addEventListener('abort', () => stop('the data directory was lost', 1));
      announce(await starting, logger);
    });
}

/** Loading the application takes as long as PostgreSQL needs to start, and the latter is other processes' work: both at once. */
async function startServer(config: Config, logger: Logger, onLost: () => void): Promise<RunningServer> {
  const embedded = config.databaseUrl === undefined ? await beginEmbedded(config, logger, onLost) : undefined;
  const server = await import('../main.js');
  return server.startServer({
    config,
    logger,
    onDirectoryLost: onLost,
    ...(embedded === undefined ? {} : { embedded: embedded.ready }),
  });
}

/** Resolves when a process of PostgreSQL runs, or when the start has failed, which is `startServer`'s to report. */
async function beginEmbedded(
  config: Config,
  logger: Logger,
  onLost: () => void,
): Promise<{ ready: Promise<EmbeddedPostgres> }> {
  return new Promise((resolve) => {
    const ready = startEmbedded(config, logger, { onProcess: () => resolve({ ready }), onLost });
    void ready.catch(() => undefined).finally(() => resolve({ ready }));
  });
}

/** The one line on standard output that says: ready. */
export function announce(server: RunningServer, logger: Logger): void {
  letYoungHeapGrow();
  if (server.selfIssued)
    // A warning: whoever pulls has to be told of it.
    logger.warn({ fingerprintSha256: server.certificateFingerprint }, 'HTTPS uses a self-issued certificate');
  process.stdout.write(`listening http=${server.httpUrl ?? 'off'} https=${server.httpsUrl ?? 'off'}\n`);
}

/** Returns how to stop for another cause, with the exit code for it. */
export function stopOnSignal(
  server: { stop(): Promise<void> },
  logger: Logger,
  limitMs = STOP_LIMIT_MS,
): (cause: string, code: number) => void {
  let stopping = false;
  const stop = (signal: string, code = 0): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => {
      logger.error('the stop took too long; ending now');
      process.exit(1);
    }, limitMs).unref();
    server.stop().then(
      () => process.exit(code),
      (err: unknown) => {
        logger.error({ err }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  for (const signal of STOP_SIGNALS) process.on(signal, () => stop(signal));
  return stop;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(say('usage.whole-number'));
  return Number(text);
}
