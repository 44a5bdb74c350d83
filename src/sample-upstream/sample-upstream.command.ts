import { type Command, InvalidArgumentError } from 'commander';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { startSampleUpstream } from './sample-server.js';
import { type Publication, SampleTree } from './sample-tree.js';
import { sampleUnits } from './sample-units.js';

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
export function registerSampleUpstream(program: Command, surroundings = processSurroundings): void {
  program
    .command('sample-upstream')
    .summary('serve a synthetic ActiveUpdate tree that publishes new versions on a timer')
    .description(
      'Serves a synthetic ActiveUpdate tree over HTTP, for trying Haishin without the vendor and without internet.\n' +
        'The grammar of its manifest and the proportions of its files are real; every byte in it is made up.\n' +
        'One component after another gets a new version. Ends on Ctrl-C.',
    )
    .option('--port <number>', 'port to listen on; 0 = any free one', portNumber, 9080)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--scale <factor>', 'size of the files: 1 = as the vendor has them, about 150 MB a tree', positive, 0.02)
    .option('--every <seconds>', 'time between two publications; 0 = never', notNegative, 30)
    .option('--seed <number>', 'another seed gives other contents; the same gives the same', wholeNumber, 1)
    .option('--no-japan', 'leave out the Japan tree (japan/server.ini, .80 virus patterns)')
    .option('--no-signatures', 'leave out the .sig files')
    .option('--compressed', 'really compress the ZIPs, so that checking them costs what it costs with real ones')
    .option('--out <directory>', 'write the tree to a directory that any web server can serve, and exit')
    .option('--json', 'print JSON lines instead of text')
    .addHelpText(
      'after',
      `
Components: ${sampleUnits.map(({ component }) => component).join(', ')}

Examples:
  haishin sample-upstream
      serves on port 9080; mirror it with HAISHIN_UPSTREAM_URL=http://127.0.0.1:9080/activeupdate
  haishin sample-upstream --scale 1 --out ./tree
      writes about 310 MB (both trees), for a web server or a mounted share`,
    )
    .action((flags: SampleUpstreamFlags) => run(flags, surroundings));
}

async function run(flags: SampleUpstreamFlags, { print, now, stopped }: SampleUpstreamSurroundings): Promise<void> {
  const { scale, seed, japan, signatures, compressed = false } = flags;
  const tree = new SampleTree({ scale, seed, signatures, japanTree: japan, compressed });
  const totals = totalsOf(tree);
  const show = (event: Record<string, unknown>, text: string): void => print(flags.json ? JSON.stringify(event) : text);

  if (flags.out !== undefined) {
    const directory = resolve(flags.out);
    await tree.materialise(directory);
    show(
      { event: 'written', directory, ...totals },
      `sample tree written to ${directory}: ${totals.files} files, ${megabytes(totals.bytes)}`,
    );
    return;
  }

  const announce = (publications: Publication[]): void => {
    for (const { component, version } of publications)
      show(
        { event: 'published', at: now().toISOString(), component, version },
        `${now().toISOString()} published ${component} ${version}`,
      );
  };
  const { port, host, every } = flags;
  const upstream = await startSampleUpstream({ tree, port, host, publishEverySeconds: every, onPublish: announce });
  // One line, and it begins like this: scripts wait for it.
  show(
    { event: 'ready', url: upstream.url, everySeconds: every, ...totals },
    `sample upstream url=${upstream.url} (${totals.files} files, ${megabytes(totals.bytes)}; ${rhythm(every)})`,
  );
  await stopped();
  await upstream.close();
}

function totalsOf(tree: SampleTree): { files: number; bytes: number } {
  const files = [...tree.files().values()];
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function rhythm(everySeconds: number): string {
  return everySeconds > 0 ? `a new version every ${everySeconds} s` : 'no new versions';
}

function numberOf(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

function wholeNumber(text: string): number {
  const value = numberOf(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function portNumber(text: string): number {
  const value = wholeNumber(text);
  if (value < 0 || value > 65535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

function positive(text: string): number {
  const value = numberOf(text);
  if (value <= 0 || value > 20) throw new InvalidArgumentError('It must be above 0 and at most 20.');
  return value;
}

function notNegative(text: string): number {
  const value = numberOf(text);
  // Beyond a day a timer is of no use here, and Node's own overflows at 24 days.
  if (value < 0 || value > 86_400) throw new InvalidArgumentError('It must be from 0 to 86400.');
  return value;
}
