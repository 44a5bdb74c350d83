import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { RunningServer } from '../main.js';
import { CATALOGUE } from '../mirror/manifest/catalogue.js';
import { AppError } from '../platform/errors/app-error.js';
import { reason } from '../platform/texts/texts.js';
import type { SampleUpstream } from '../sample-upstream/sample-server.js';
import { ApiClient, findServer } from './api-client.js';
import { followDownload } from './download.command.js';
import { megabytes, say, word } from './language.js';
import { deployToAll, triesAgain } from './quickstart-products.js';
import { refuseForeignContent, useSample } from './quickstart-source.js';

/** Products that only pretend; the sample agent is a real one. */
export const SIMULATED_PRODUCTS = 10;
const DEPLOY_WAIT_MS = 20_000;
/** The longest that a timer can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface Tour {
  server: RunningServer;
  upstream: SampleUpstream;
  /** Whether something was published here before the server started. */
  published: boolean;
  dataDir: string;
  /** Seconds from one new version to the next; 0: there are none. */
  every: number;
  /** It ends by itself: nobody can try anything afterwards. */
  once: boolean;
  start: (api: ApiClient, baseUrl: string) => Promise<void>;
}

function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** The first mirror, a new version arriving, both channels, and what to try by hand. */
export async function tour(context: Tour): Promise<ApiClient> {
  const { server, upstream } = context;
  const base = server.httpUrl ?? '';
  const target = await findServer({ url: base, ...(await localToken(context.dataDir)) });
  const api = new ApiClient(target);
  if (context.published) await refuseForeignContent(api, context.dataDir);
  print();
  print(say('quickstart.upstream', { url: upstream.url }));
  print(say((await useSample(api, upstream)) ? 'quickstart.again' : 'quickstart.first'));
  await mirror(api);
  print(say('quickstart.new-version'));
  upstream.publish(['virus-pattern']);
  await mirror(api);
  await showChannels(server);
  print(say('quickstart.products', { products: SIMULATED_PRODUCTS }));
  await context.start(api, base);
  await deploy(api, 'virus-pattern');
  print();
  if (context.once) print(say('quickstart.over'));
  else await showWhatToTry(context, base, target.token);
  return api;
}

async function showWhatToTry({ server, every }: Tour, base: string, token: string): Promise<void> {
  print(say('quickstart.try'));
  print(`  curl ${base}/activeupdate/server.ini                         # ${say('quickstart.try.global')}`);
  print(`  curl ${base}/activeupdate/japan/server.ini                   # ${say('quickstart.try.japan')}`);
  print(`  curl -O ${base}/activeupdate/${await patternPath(server)}`);
  if (server.httpsUrl)
    print(
      `  curl -k ${server.httpsUrl}/TvcsDownload/ActiveUpdate/server.ini   # ${say('quickstart.try.control-manager')}`,
    );
  print(`  curl -H 'Authorization: Bearer ${token}' ${base}/api/v1/components`);
  print(`  curl -H 'Authorization: Bearer ${token}' '${base}/api/v1/commands?type=deploy'`);
  print(`  ${base}/api/docs                                            # ${say('quickstart.try.docs')}`);
  print();
  print(every === 0 ? say('quickstart.stays') : say('quickstart.goes-on', { seconds: every }));
}

/** Something new from time to time. */
export function goOn(api: ApiClient, { upstream, every }: Tour): void {
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
    const state = triesAgain(target) ? say('quickstart.tried-again') : word('target', target.state);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const results = [...counts].map(([state, products]) => say('quickstart.result', { state, products }));
  print(`   ${say('quickstart.deployed', { component, results: results.join(say('quickstart.result-separator')) })}`);
}

async function localToken(dataDir: string): Promise<{ token?: string }> {
  const facts = JSON.parse(await readFile(join(dataDir, 'run', 'server.json'), 'utf8')) as { token: string | null };
  return facts.token === null ? {} : { token: facts.token };
}

async function mirror(api: ApiClient, prefix = '   '): Promise<void> {
  const { id } = await api.post<{ id: string }>('/api/v1/downloads');
  const view = await followDownload(api, id, true);
  const news = view.components
    .filter((each) => each.outcome === 'updated')
    .map((each) => `${each.id} ${each.versionAfter ?? ''}`);
  const few = news.length > 0 && news.length < 4;
  const line = say(few ? 'quickstart.mirrored' : 'quickstart.mirrored-many', {
    state: word('state', view.state),
    megabytes: megabytes(view.bytes),
    seconds: view.durationSeconds ?? 0,
    components: few ? news.join(', ') : news.length,
  });
  print(`${prefix}${line}`);
  if (view.state === 'failed')
    throw new AppError('unavailable', 'mirror-failed', { values: { reason: view.error?.text ?? reason('see-log') } });
  // Records of the same second would otherwise look alike.
  await delay(10);
}

async function manifestLine(server: RunningServer, path: string, key: string): Promise<string | undefined> {
  const answer = await request(`${server.httpUrl}${path}/server.ini`);
  const text = await answer.body.text();
  return text.split(/\r?\n/).find((line) => line.startsWith(key));
}

async function showChannels(server: RunningServer): Promise<void> {
  print(say('quickstart.channels'));
  const absent = say('quickstart.not-there');
  print(`   global  ${(await manifestLine(server, '/activeupdate', 'P.4=')) ?? absent}`);
  print(`   japan   ${(await manifestLine(server, '/activeupdate/japan', 'P.4=')) ?? absent}`);
}

async function patternPath(server: RunningServer): Promise<string> {
  const line = await manifestLine(server, '/activeupdate', 'P.4=');
  return /=\s*([^,]+),/.exec(line ?? '')?.[1] ?? 'server.ini';
}
