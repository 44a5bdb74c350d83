import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { AppError } from '../platform/errors/app-error.js';
import type { Say } from '../platform/texts/texts.js';
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
export function registerFleet(program: Command, say: Say, surroundings = processSurroundings): void {
  const { wholeNumber, share } = numbers(say);
  program
    .command('fleet')
    .summary(say('help.fleet'))
    .description(say('help.fleet.long'))
    .option('--url <url>', say('help.fleet.url'), 'http://127.0.0.1:8080')
    .option('--gateway-token <token>', say('help.fleet.gateway-token'))
    .option('--gateway-token-file <file>', say('help.fleet.gateway-token-file'))
    .option('--agents <number>', say('help.fleet.agents'), wholeNumber, 10)
    .option('--prefix <text>', say('help.fleet.prefix'), 'sim-')
    .option('--slow <share>', say('help.fleet.slow'), share, 0)
    .option('--failing <share>', say('help.fleet.failing'), share, 0)
    .option('--offline <share>', say('help.fleet.offline'), share, 0)
    .option('--duplicate <share>', say('help.fleet.duplicate'), share, 0)
    .option('--repeating <share>', say('help.fleet.repeating'), share, 0)
    .option('--cancel-refusing <share>', say('help.fleet.cancel-refusing'), share, 0)
    .option('--work-ms <ms>', say('help.fleet.work-ms'), wholeNumber, 2_000)
    .option('--slow-ms <ms>', say('help.fleet.slow-ms'), wholeNumber, 120_000)
    .option('--wait <seconds>', say('help.fleet.wait'), wholeNumber, 55)
    .option('--poll <seconds>', say('help.fleet.poll'), wholeNumber)
    .option('--per-second <number>', say('help.fleet.per-second'), wholeNumber, 100)
    .option('--no-download', say('help.fleet.no-download'))
    .option('--ca <file>', say('help.fleet.ca'))
    .option('--seconds <number>', say('help.fleet.seconds'), wholeNumber)
    .option('--json', say('help.fleet.json'))
    .action((flags: FleetFlags) => run(flags, say, surroundings));
}

async function run(flags: FleetFlags, say: Say, { print, stopped }: FleetSurroundings): Promise<void> {
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
  const report = (): void => print(flags.json ? JSON.stringify(fleet.counters) : line(fleet, say));
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

function line({ counters, agents }: Fleet, say: Say): string {
  const report = say('cli.fleet.report', { ...counters, agents: agents.length });
  return counters.errors > 0 ? say('cli.fleet.errors', { report, ...counters }) : report;
}

type Parse = (text: string) => number;

/** What reads the numbers of the options, and says what is wrong with them. */
function numbers(say: Say): Record<'wholeNumber' | 'share', Parse> {
  return {
    wholeNumber: (text) => {
      if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(say('usage.whole-number'));
      return Number(text);
    },
    share: (text) => {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError(say('usage.from-zero', { most: 1 }));
      return value;
    },
  };
}
