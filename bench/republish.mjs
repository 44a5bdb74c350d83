// How long it takes to publish one new pattern, by the number of files that stay as they are.
//   node bench/republish.mjs [--rounds 7]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { download, startHaishin, stopSchedule } from './support/haishin.mjs';
import { writeManyFiles } from './support/many-files.mjs';
import { startNginxFor } from './support/upstream.mjs';
import { requirePrograms, stop, workDirectory } from './support/processes.mjs';
import { median, printReport } from './support/report.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
requirePrograms('nginx');
const directory = workDirectory('republish');

/** Times ten each: the sample tree alone is about the first. */
const EXTRA_FILES = [0, 660, 7260];

async function prepare(extra) {
  const place = join(directory, String(extra));
  const dataDir = join(place, 'data');
  mkdirSync(dataDir, { recursive: true });
  const tree = await writeManyFiles(join(place, 'tree'), extra);
  const nginx = await startNginxFor(place, join(place, 'tree'));
  const server = await startHaishin({ dataDir, upstreamUrl: nginx.httpUrl });
  await stopSchedule(server);
  await download(server, 'succeeded');
  return { name: `${tree.files} files`, tree, server, nginx };
}

const sites = [];
for (const extra of EXTRA_FILES) sites.push(await prepare(extra));
const samples = Object.fromEntries(sites.map(({ name }) => [name, []]));
// The first round warms the compilers and does not count.
for (let round = 0; round <= Number(values.rounds); round++)
  for (const { name, tree, server } of sites) {
    await tree.publish();
    const { view, recordedMs } = await download(server, 'succeeded');
    const updated = view.components.filter(({ outcome }) => outcome === 'updated').map(({ id }) => id);
    if (updated.join() !== 'virus-pattern') throw new Error(`Updated: ${updated.join()}`);
    if (round > 0) samples[name].push(recordedMs);
  }
await Promise.all(sites.map(({ server, nginx }) => Promise.all([server.stop(), stop(nginx.child)])));

const peer = sites[0].name;
const medians = Object.fromEntries(Object.entries(samples).map(([key, each]) => [key, median(each)]));
const ratios = Object.fromEntries(
  Object.keys(samples).map((key) => [key, median(samples[key].map((ms, round) => ms / samples[peer][round]))]),
);
printReport('republish', [
  {
    name: 'one pattern changed, started to finished',
    unit: 'ms',
    target: '< 1000, flat',
    peer,
    medians,
    ratios,
    samples,
  },
]);
