import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadConfig, processEnvironment } from '../config/config.js';
import { startServer, type RunningServer } from '../main.js';
import { CATALOGUE } from '../mirror/manifest/catalogue.js';
import { AppError, toAppError } from '../platform/errors/app-error.js';
import { createLogger, type Logger } from '../platform/logging/logger.js';
import { startSampleUpstream, type SampleUpstream } from '../sample-upstream/sample-server.js';
import { SampleTree } from '../sample-upstream/sample-tree.js';
import { ApiClient, findServer } from './api-client.js';
import { followDownload } from './download.command.js';
import { say as text } from './language.js';
import { deployToAll, startProducts, triesAgain, type Products } from './quickstart-products.js';
import { useSample } from './quickstart-source.js';
import { announce, stopOnSignal, wholeNumber } from './serve.command.js';

const SAMPLE_SCALE = 0.02;
/** Products that only pretend; the sample agent is a real one. */
const SIMULATED_PRODUCTS = 10;
const DEPLOY_WAIT_MS = 20_000;
/** The longest that a timer can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function registerQuickstart(program: Command): void {
  program
    .command('quickstart')
    .description(text('help.quickstart'))
    .option('--every <seconds>', text('help.quickstart.every'), wholeNumber, 20)
    .option('--keep', text('help.quickstart.keep'))
    .option('--once', text('help.quickstart.once'))
    .action(quickstart);
}

async function quickstart(options: { every: number; keep?: boolean; once?: boolean }): Promise<void> {
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
  private readonly ends: (() => Promise<void> | undefined)[] = [];
  private stopped: Promise<void> | null = null;

  get stopping(): boolean {
    return this.stopped !== null;
  }

  add(end: () => Promise<void> | undefined): void {
    this.ends.unshift(end);
  }

  stop(): Promise<void> {
    return (this.stopped ??= this.stopAll());
  }

  /** One that does not end leaves none of the others running. */
  private async stopAll(): Promise<void> {
    const faults: unknown[] = [];
    for (const end of this.ends) await end()?.catch((fault: unknown) => faults.push(fault));
    if (faults.length > 0) throw toAppError(faults[0]);
  }
}

/** @throws AppError, with everything that had begun left to `running`. */
async function begin(options: { every: number; keep?: boolean }, running: Running): Promise<Tour> {
  const env = processEnvironment();
  const own = env['HAISHIN_DATA_DIR'] === undefined && !options.keep;
  const dataDir = own ? await mkdtemp(join(tmpdir(), 'haishin-quickstart-')) : undefined;
  if (dataDir !== undefined) running.add(() => rm(dataDir, { recursive: true, force: true }));
  const upstream = await startSampleUpstream({ tree: new SampleTree({ scale: SAMPLE_SCALE, japanTree: false }) });
  running.add(() => upstream.close());
  const config = loadConfig({
    host: env['HAISHIN_HOST'] ?? '127.0.0.1',
    upstreamUrl: upstream.url,
    logLevel: env['HAISHIN_LOG_LEVEL'] ?? 'warn',
    ...(dataDir === undefined ? {} : { dataDir }),
  });
  if (config.httpPort === 'off')
    throw new AppError('bad-input', 'http-needed', 'The tour of quickstart needs HTTP: leave HAISHIN_HTTP_PORT unset.');
  const logger = createLogger(config.logLevel);
  running.logger = logger;
  // The tour mirrors by itself; a quarter of an hour that strikes meanwhile would be faster.
  const server = await startServer({ config, logger, cronJobs: false });
  running.add(() => server.stop());
  let products: Products | null = null;
  running.add(() => products?.stop());
  stopOnSignal(running, logger);
  // A server waits for its database; a tour has nothing to show without.
  if (server.application() === null)
    throw new AppError(
      'unavailable',
      'database-unavailable',
      'The database of DATABASE_URL cannot be reached; the log says why. Leave it unset for the embedded one.',
    );
  announce(server, logger);
  const start = async (api: ApiClient, baseUrl: string): Promise<Products> => {
    products = await startProducts({ api, baseUrl, dataDir: config.dataDir, simulated: SIMULATED_PRODUCTS });
    return products;
  };
  return { server, upstream, dataDir: config.dataDir, every: options.every, start };
}

interface Tour {
  server: RunningServer;
  upstream: SampleUpstream;
  dataDir: string;
  every: number;
  start: (api: ApiClient, baseUrl: string) => Promise<Products>;
}

function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** The first mirror, a new version arriving, both channels, and what to try by hand. */
async function tour(context: Tour): Promise<ApiClient> {
  const { server, upstream, every } = context;
  const base = server.httpUrl ?? '';
  const target = await findServer({ url: base, ...(await localToken(context.dataDir)) });
  const api = new ApiClient(target);
  say();
  say(`1. A sample upstream with made-up content runs at ${upstream.url}`);
  const kept = await useSample(api, upstream);
  say(kept ? '2. Mirroring it again, into the data that was kept …' : '2. Mirroring it for the first time …');
  await mirror(api);
  say('3. The upstream publishes a new virus pattern; mirroring again …');
  upstream.publish(['virus-pattern']);
  await mirror(api);
  await showChannels(server);
  say(
    `5. A sample agent and ${SIMULATED_PRODUCTS} simulated products come in; the virus pattern is deployed to all of them …`,
  );
  await context.start(api, base);
  await deploy(api, 'virus-pattern');
  say();
  say('Try it:');
  say(`  curl ${base}/activeupdate/server.ini                         # channel global`);
  say(`  curl ${base}/activeupdate/japan/server.ini                   # channel japan: the .80 virus pattern`);
  say(`  curl -O ${base}/activeupdate/${await patternPath(server)}`);
  if (server.httpsUrl)
    say(`  curl -k ${server.httpsUrl}/TvcsDownload/ActiveUpdate/server.ini   # as products with a Control Manager ask`);
  say(`  curl -H 'Authorization: Bearer ${target.token}' ${base}/api/v1/components`);
  say(`  curl -H 'Authorization: Bearer ${target.token}' '${base}/api/v1/commands?type=deploy'`);
  say(`  ${base}/api/docs                                            # the API in a browser`);
  say();
  const news =
    every === 0
      ? 'The upstream publishes nothing new'
      : `The upstream publishes something new every ${every} s; it is mirrored and deployed at once`;
  say(`${news}, and the schedule is off. Ctrl-C ends everything.`);
  return api;
}

/** Something new from time to time. */
function goOn(api: ApiClient, { upstream, every }: Tour): void {
  if (every === 0) return;
  const turn = CATALOGUE.map((entry) => entry.id).filter((id) => upstream.tree.versions()[id] !== undefined);
  let next = 0;
  setInterval(
    () => {
      const component = turn[next++ % turn.length] ?? 'virus-pattern';
      upstream.publish([component]);
      mirror(api, `${component}: `)
        .then(() => deploy(api, component))
        // The server may be stopping, or a person may have started a download of his own.
        .catch(() => undefined);
    },
    Math.min(every * 1000, LONGEST_TIMER_MS),
  );
}

/** Deploys a component to every product and says how it went. */
async function deploy(api: ApiClient, component: string): Promise<void> {
  const targets = await deployToAll(api, [component], DEPLOY_WAIT_MS);
  const counts = new Map<string, number>();
  for (const target of targets) {
    const state = triesAgain(target) ? 'to be tried again later' : target.state;
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  say(`   deployed ${component}: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}`);
}

async function localToken(dataDir: string): Promise<{ token?: string }> {
  const { readFile } = await import('node:fs/promises');
  const facts = JSON.parse(await readFile(join(dataDir, 'run', 'server.json'), 'utf8')) as { token: string | null };
  return facts.token === null ? {} : { token: facts.token };
}

async function mirror(api: ApiClient, prefix = '   '): Promise<void> {
  const { id } = await api.post<{ id: string }>('/api/v1/downloads');
  const view = await followDownload(api, id, true);
  const news = view.components
    .filter((each) => each.outcome === 'updated')
    .map((each) => `${each.id} ${each.versionAfter ?? ''}`);
  say(
    `${prefix}${view.state}, ${(view.bytes / 1e6).toFixed(1)} MB in ${view.durationSeconds ?? 0} s${news.length > 0 && news.length < 4 ? `: ${news.join(', ')}` : `, ${news.length} components`}`,
  );
  if (view.state === 'failed')
    throw new AppError('unavailable', 'mirror-failed', `Nothing was mirrored: ${view.error?.message ?? 'see the log'}`);
  // Records of the same second would otherwise look alike.
  await delay(10);
}

async function manifestLine(server: RunningServer, path: string, key: string): Promise<string> {
  const { request } = await import('undici');
  const answer = await request(`${server.httpUrl}${path}/server.ini`);
  const text = await answer.body.text();
  return text.split(/\r?\n/).find((line) => line.startsWith(key)) ?? '(not there)';
}

async function showChannels(server: RunningServer): Promise<void> {
  say('4. Both channels:');
  say(`   global  ${await manifestLine(server, '/activeupdate', 'P.4=')}`);
  say(`   japan   ${await manifestLine(server, '/activeupdate/japan', 'P.4=')}`);
}

async function patternPath(server: RunningServer): Promise<string> {
  return /=\s*([^,]+),/.exec(await manifestLine(server, '/activeupdate', 'P.4='))?.[1] ?? 'server.ini';
}
