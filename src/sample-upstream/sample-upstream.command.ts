import { type Command, InvalidArgumentError } from 'commander';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Say, TextKey } from '../platform/texts/texts.js';
import { startSampleUpstream } from './sample-server.js';
import { type Publication, SampleTree } from './sample-tree.js';
import { sampleUnits } from './sample-units.js';

const MOST_SCALE = 20;
/** Beyond a day a timer is of no use here, and Node's own overflows at 24 days. */
const MOST_SECONDS = 86_400;

interface SampleUpstreamFlags {
  port: number;
  host: string;
  scale: number;
  every: number;
  seed: number;
  japan: boolean;
  signatures: boolean;
  compressed?: boolean;
  out?: string;
  json?: boolean;
}

/** Where the command writes and what ends it; replaced in tests. */
export interface SampleUpstreamSurroundings {
  print: (line: string) => void;
  now: () => Date;
  /** Resolves when the process is asked to end. */
  stopped: () => Promise<unknown>;
}

const processSurroundings: SampleUpstreamSurroundings = {
  print: (line) => process.stdout.write(`${line}\n`),
  now: () => new Date(),
  stopped: () => Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]),
};

/** Adds `haishin sample-upstream` to the program. */
export function registerSampleUpstream(program: Command, say: Say, surroundings = processSurroundings): void {
  const { portNumber, positive, notNegative, wholeNumber } = numbers(say);
  program
    .command('sample-upstream')
    .summary(say('help.sample'))
    .description(say('help.sample.long'))
    .option('--port <number>', say('help.sample.port'), portNumber, 9080)
    .option('--host <address>', say('help.sample.host'), '127.0.0.1')
    .option('--scale <factor>', say('help.sample.scale'), positive, 0.02)
    .option('--every <seconds>', say('help.sample.every'), notNegative, 30)
    .option('--seed <number>', say('help.sample.seed'), wholeNumber, 1)
    .option('--no-japan', say('help.sample.no-japan'))
    .option('--no-signatures', say('help.sample.no-signatures'))
    .option('--compressed', say('help.sample.compressed'))
    .option('--out <directory>', say('help.sample.out'))
    .option('--json', say('help.sample.json'))
    .addHelpText(
      'after',
      () => `
${say('help.sample.components', { components: sampleUnits.map(({ component }) => component).join(', ') })}

${say('help.sample.examples')}
  haishin sample-upstream
      ${say('help.sample.example-serve')}
  haishin sample-upstream --scale 1 --out ./tree
      ${say('help.sample.example-out')}`,
    )
    .action((flags: SampleUpstreamFlags) => run(flags, say, surroundings));
}

async function run(
  flags: SampleUpstreamFlags,
  say: Say,
  { print, now, stopped }: SampleUpstreamSurroundings,
): Promise<void> {
  const { scale, seed, japan, signatures, compressed = false } = flags;
  const tree = new SampleTree({ scale, seed, signatures, japanTree: japan, compressed });
  const totals = totalsOf(tree);
  const { files } = totals;
  const megabytes = (totals.bytes / 1e6).toFixed(1);
  const show = (event: Record<string, unknown>, text: string): void => print(flags.json ? JSON.stringify(event) : text);

  if (flags.out !== undefined) {
    const directory = resolve(flags.out);
    await tree.materialise(directory);
    show({ event: 'written', directory, ...totals }, say('cli.sample.written', { directory, files, megabytes }));
    return;
  }

  const announce = (publications: Publication[]): void => {
    const at = now().toISOString();
    for (const { component, version } of publications)
      show({ event: 'published', at, component, version }, say('cli.sample.published', { at, component, version }));
  };
  const { port, host, every } = flags;
  const upstream = await startSampleUpstream({ tree, port, host, publishEverySeconds: every, onPublish: announce });
  const rhythm = every > 0 ? say('cli.sample.every', { seconds: every }) : say('cli.sample.never');
  // One line, and it begins like this: scripts wait for it.
  show(
    { event: 'ready', url: upstream.url, everySeconds: every, ...totals },
    `sample upstream url=${upstream.url} (${say('cli.sample.size', { files, megabytes })}; ${rhythm})`,
  );
  await stopped();
  await upstream.close();
}

function totalsOf(tree: SampleTree): { files: number; bytes: number } {
  const files = [...tree.files().values()];
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

type Parse = (text: string) => number;

/** What reads the numbers of the options, and says what is wrong with them. */
function numbers(say: Say): Record<'portNumber' | 'positive' | 'notNegative' | 'wholeNumber', Parse> {
  const refuse = (key: TextKey, values?: Record<string, unknown>): never => {
    throw new InvalidArgumentError(say(key, values));
  };
  const numberOf: Parse = (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    return Number.isFinite(value) ? value : refuse('usage.number');
  };
  const wholeNumber: Parse = (text) => {
    const value = numberOf(text);
    return Number.isSafeInteger(value) ? value : refuse('usage.whole-number');
  };
  const portNumber: Parse = (text) => {
    const value = wholeNumber(text);
    return value >= 0 && value <= 65535 ? value : refuse('usage.port');
  };
  const positive: Parse = (text) => {
    const value = numberOf(text);
    return value > 0 && value <= MOST_SCALE ? value : refuse('usage.above-zero', { most: MOST_SCALE });
  };
  const notNegative: Parse = (text) => {
    const value = numberOf(text);
    return value >= 0 && value <= MOST_SECONDS ? value : refuse('usage.from-zero', { most: MOST_SECONDS });
  };
  return { portNumber, positive, notNegative, wholeNumber };
}
