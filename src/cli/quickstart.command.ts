import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { givenVariables, loadConfig, type Config } from '../config/config.js';
import { startServer } from '../main.js';
import { AppError, toAppError } from '../platform/errors/app-error.js';
import { createLogger, type Logger } from '../platform/logging/logger.js';
import { startSampleUpstream } from '../sample-upstream/sample-server.js';
import { SampleTree } from '../sample-upstream/sample-tree.js';
import { hasPublished, isDatabaseElsewhere } from '../server/embedded.js';
import { say } from './language.js';
import { startProducts } from './quickstart-products.js';
import { foreignContent } from './quickstart-source.js';
import { goOn, SIMULATED_PRODUCTS, tour, type Tour } from './quickstart-tour.js';
import { announce, stopOnSignal, wholeNumber } from './serve.command.js';

const SAMPLE_SCALE = 0.02;
/** No supervisor waits for a tour, and one that is ended while it starts first has to come to that. */
const STOP_LIMIT_MS = 40_000;

interface QuickstartOptions {
  every: number;
  keep?: boolean;
  once?: boolean;
}

export function registerQuickstart(program: Command): void {
  program
    .command('quickstart')
    .description(say('help.quickstart'))
    .option('--every <seconds>', say('help.quickstart.every'), wholeNumber, 20)
    .option('--keep', say('help.quickstart.keep'))
    .option('--once', say('help.quickstart.once'))
    .action(quickstart);
}

async function quickstart(options: QuickstartOptions): Promise<void> {
  const running = new Running();
  try {
    const context = await begin(options, running);
    const api = await tour(context);
    if (!options.once) return goOn(api, context);
  } catch (fault) {
    // Whoever ends the tour by a signal has taken its server away.
    const ended = running.stopping;
    await running.stop().catch((err: unknown) => running.logger?.error({ err }, 'the stop failed'));
    if (!ended) throw fault;
  }
  await running.stop();
  process.exit(0);
}

/** What has begun, so that it can be ended: the last first. */
class Running {
  logger: Logger | null = null;
  private readonly ends: (() => Promise<void>)[] = [];
  private stopped: Promise<void> | null = null;

  get stopping(): boolean {
    return this.stopped !== null;
  }

  /** Waits until it has begun. Its end is known before that: a signal may come at any moment. */
  async begin<T>(beginning: Promise<T>, end: (begun: T) => Promise<void>): Promise<T> {
    this.ends.unshift(() => beginning.then(end, () => undefined));
    const begun = await beginning;
    if (this.stopping) throw new AppError('unavailable', 'stopping.tour');
    return begun;
  }

  stop(): Promise<void> {
    return (this.stopped ??= this.stopAll());
  }

  /** One that does not end leaves none of the others running. */
  private async stopAll(): Promise<void> {
    const faults: unknown[] = [];
    for (let end = this.ends.shift(); end !== undefined; end = this.ends.shift())
      await end().catch((fault: unknown) => faults.push(fault));
    if (faults.length > 0) throw toAppError(faults[0]);
  }
}

/** @throws AppError, with everything that had begun left to `running`. */
async function begin(options: QuickstartOptions, running: Running): Promise<Tour> {
  const given = givenVariables();
  const variables = {
    HAISHIN_HOST: '127.0.0.1',
    HAISHIN_LOG_LEVEL: 'warn',
    ...given,
    HAISHIN_UPSTREAM_URL: undefined,
  };
  const config = loadConfig({}, variables);
  if (config.httpPort === 'off') throw new AppError('bad-input', 'http-needed');
  const logger = createLogger(config.logLevel);
  running.logger = logger;
  stopOnSignal(running, logger, STOP_LIMIT_MS);
  if (given['HAISHIN_DATA_DIR'] === undefined && !options.keep)
    config.dataDir = await running.begin(mkdtemp(join(tmpdir(), 'haishin-quickstart-')), (directory) =>
      rm(directory, { recursive: true, force: true }),
    );
  // Before the server makes an empty database beside what is there.
  if (await isDatabaseElsewhere(config)) throw foreignContent(config.dataDir);
  return beginServer(config, options, running, logger);
}

async function beginServer(
  config: Config,
  options: QuickstartOptions,
  running: Running,
  logger: Logger,
): Promise<Tour> {
  const published = await hasPublished(config);
  const upstream = await running.begin(
    startSampleUpstream({ tree: new SampleTree({ scale: SAMPLE_SCALE, japanTree: false }) }),
    (begun) => begun.close(),
  );
  config.upstreamUrl = upstream.url;
  // The tour mirrors by itself; a quarter of an hour that strikes meanwhile would be faster.
  const server = await running.begin(startServer({ config, logger, cronJobs: false }), (begun) => begun.stop());
  // A server waits for its database; a tour has nothing to show without.
  if (server.application() === null) throw new AppError('unavailable', 'database-unavailable.configured');
  announce(server, logger);
  return {
    server,
    upstream,
    published,
    dataDir: config.dataDir,
    every: options.every,
    once: options.once ?? false,
    start: async (api, baseUrl) => {
      const products = startProducts({ api, baseUrl, dataDir: config.dataDir, simulated: SIMULATED_PRODUCTS });
      await running.begin(products, (begun) => begun.stop());
    },
  };
}
