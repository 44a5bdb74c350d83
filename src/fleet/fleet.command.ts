import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { AppError } from '../platform/errors/app-error.js';
import { ROLES, type FleetBehaviour } from './fleet.behaviour.js';
import { startFleet, type Fleet } from './fleet.js';

interface FleetFlags {
  url: string;
  gatewayToken?: string;
  gatewayTokenFile?: string;
  agents: number;
  prefix: string;
  slow: number;
  failing: number;
  offline: number;
  duplicate: number;
  repeating: number;
  cancelRefusing: number;
  workMs: number;
  slowMs: number;
  wait: number;
  poll?: number;
  perSecond: number;
  download: boolean;
  ca?: string;
  seconds?: number;
  json?: boolean;
}

/** Where the command writes and what ends it; replaced in tests. */
export interface FleetSurroundings {
  print: (line: string) => void;
  stopped: () => Promise<unknown>;
}

const processSurroundings: FleetSurroundings = {
  print: (line) => process.stdout.write(`${line}\n`),
  stopped: () => Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]),
};

const REPORT_MS = 5_000;

/** Adds `haishin fleet` to the program. */
export function registerFleet(program: Command, surroundings = processSurroundings): void {
  program
    .command('fleet')
    .summary('simulated products that enrol, poll and update: for demonstrations, tests and benches')
    .description(
      'Simulates managed products that talk DDI with a server. Nothing is installed anywhere; everything that the\n' +
        'server sees is real. Shares are from 0 to 1 and belong to different products. Ends on Ctrl-C.',
    )
    .option('--url <url>', 'the server', 'http://127.0.0.1:8080')
    .option('--gateway-token <token>', 'a gateway token of the server, by which the products enrol')
    .option('--gateway-token-file <file>', 'the same, from a file')
    .option('--agents <number>', 'how many products', wholeNumber, 10)
    .option('--prefix <text>', 'their controller ids begin with it', 'sim-')
    .option('--slow <share>', 'take --slow-ms for an update', share, 0)
    .option('--failing <share>', 'end every update as failed', share, 0)
    .option('--offline <share>', 'enrol and are never heard of again', share, 0)
    .option('--duplicate <share>', 'are two machines with one identity', share, 0)
    .option('--repeating <share>', 'send each feedback twice', share, 0)
    .option('--cancel-refusing <share>', 'go on when they are told to cancel', share, 0)
    .option('--work-ms <ms>', 'how long an update takes', wholeNumber, 2_000)
    .option('--slow-ms <ms>', 'how long an update takes at a slow product', wholeNumber, 120_000)
    .option('--wait <seconds>', 'how long a poll asks to be held; 0: short polls', wholeNumber, 55)
    .option('--poll <seconds>', 'time between short polls (default: as the server says)', wholeNumber)
    .option('--per-second <number>', 'products that begin per second', wholeNumber, 100)
    .option('--no-download', 'leave the files out: only say that they were downloaded')
    .option('--ca <file>', 'certificate of the server, PEM')
    .option('--seconds <number>', 'end after so long', wholeNumber)
    .option('--json', 'print JSON lines')
    .action((flags: FleetFlags) => run(flags, surroundings));
}

async function run(flags: FleetFlags, { print, stopped }: FleetSurroundings): Promise<void> {
  const gatewayToken = flags.gatewayToken ?? (await tokenFrom(flags.gatewayTokenFile));
  const ca = flags.ca === undefined ? {} : { ca: await fileText(flags.ca) };
  const fleet = startFleet({
    baseUrl: flags.url,
    gatewayToken,
    agents: flags.agents,
    prefix: flags.prefix,
    startPerSecond: Math.max(1, flags.perSecond),
    behaviour: behaviourOf(flags),
    ...ca,
  });
  const report = (): void => print(flags.json ? JSON.stringify(fleet.counters) : line(fleet));
  const timer = setInterval(report, REPORT_MS);
  const ends = [stopped()];
  if (flags.seconds !== undefined) ends.push(new Promise((done) => setTimeout(done, (flags.seconds ?? 0) * 1000)));
  await Promise.race(ends);
  clearInterval(timer);
  await fleet.stop();
  report();
}

function behaviourOf(flags: FleetFlags): Partial<FleetBehaviour> {
  return {
    ...(Object.fromEntries(ROLES.map((role) => [role, flags[role]])) as Partial<FleetBehaviour>),
    workMilliseconds: flags.workMs,
    slowMilliseconds: flags.slowMs,
    waitSeconds: flags.wait,
    pollSeconds: flags.poll ?? null,
    downloads: flags.download,
  };
}

async function tokenFrom(file: string | undefined): Promise<string> {
  if (file === undefined) throw new AppError('bad-input', 'gateway-token-missing');
  return (await fileText(file)).trim();
}

async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AppError('bad-input', 'file-not-found.unreadable', { details: { path }, cause });
  }
}

function line({ counters: c, agents }: Fleet): string {
  const facts = [
    `${c.enrolled}/${agents.length} enrolled`,
    `${c.held} held polls`,
    `${c.started} updates begun`,
    `${c.succeeded} succeeded`,
    `${c.failed} failed`,
    `${c.cancelled} cancelled`,
  ];
  if (c.errors > 0) facts.push(`${c.errors} errors (${c.lastError})`);
  return facts.join(', ');
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is needed');
  return Number(text);
}

function share(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('a number from 0 to 1 is needed');
  return value;
}
