import { join } from 'node:path';
import { Command } from 'commander';
import { type ConfigFlags, DEFAULT_CONFIG_FILE, loadConfig } from './config/load-config.js';
import { AgentError, toAgentError } from './errors/agent-error.js';
import { FileLock } from './files/file-lock.js';
import { safeComponent } from './files/safe-name.js';
import type { CrashPoint } from './install/crash-point.js';
import { JsonLog } from './logging/json-log.js';
import { type Agent, openAgent } from './service/agent.js';
import { PollCycle, answerConfirmation, noteServerProblem } from './service/poll-cycle.js';
import { ServiceLoop } from './service/service-loop.js';
import { statusRows, statusTable } from './status/status-report.js';
import { scheduleState } from './update/own-schedule.js';
import { OwnUpdate, rollBackByHand } from './update/own-update.js';
import { VERSION } from './version.js';

/** What the program takes from its surroundings. */
export interface Surroundings {
  readonly crash: CrashPoint;
  readonly environment: NodeJS.ProcessEnv;
  readonly print: (text: string) => void;
}

/** Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 another process is updating. */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<number> {
  let exitCode = 0;
  const program = new Command('haishin-agent')
    .description('Takes component updates on a product host.')
    .version(VERSION);
  program.exitOverride();
  const action = (work: (agent: Agent, stop: AbortSignal) => Promise<number>) => async (): Promise<void> => {
    exitCode = await withAgent(program.opts<ConfigFlags>(), surroundings, work);
  };
  globalOptions(program);
  program.command('run').description('run as a service').action(action(service));
  program.command('once').description('contact the server once and do what it wants').action(action(once));
  const print = surroundings.print;
  const status = program.command('status').description('show components: current and available versions');
  status
    .option('--json', 'as JSON')
    .action(() => action((agent) => showStatus(agent, print, status.opts<{ json?: boolean }>()))());
  program
    .command('update [component...]')
    .description('update from the update source now (all mapped components by default)')
    .action((components: string[]) => action((agent, stop) => update(agent, components, print, stop))());
  program
    .command('rollback <component>')
    .description('go back one generation; the component leaves the schedule')
    .action((component: string) => action((agent) => rollBack(agent, component, print))());
  for (const [name, answer] of [['confirm', 'confirmed'] as const, ['deny', 'denied'] as const]) {
    const description = `${name} the deployment that waits for consent`;
    program
      .command(name)
      .description(description)
      .action(action((agent, stop) => consent(agent, answer, print, stop)));
  }
  program
    .command('version')
    .description('print the version')
    .action(() => print(VERSION));
  try {
    await program.parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number') {
      return error.exitCode === 0 ? 0 : 2;
    }
    return report(error, new JsonLog());
  }
}

function globalOptions(program: Command): void {
  program
    .option('--config <file>', `configuration file (default ${DEFAULT_CONFIG_FILE})`)
    .option('--server <url>', 'distribution server')
    .option('--tenant <name>', 'tenant at the server')
    .option('--controller-id <id>', 'identity of this product')
    .option('--target-token-file <file>', 'token of this agent')
    .option('--gateway-token-file <file>', 'token that may enrol agents')
    .option('--ca-file <file>', 'extra certificate authority, PEM')
    .option('--cert-file <file>', 'client certificate, PEM')
    .option('--key-file <file>', 'key of the client certificate, PEM')
    .option('--product-dir <directory>', 'where components are installed')
    .option('--state-dir <directory>', 'where the agent keeps its state')
    .option('--update-source <url>', 'update source of the own schedule')
    .option('--no-long-poll', 'never let the server hold a request');
}

async function withAgent(
  flags: ConfigFlags,
  { crash, environment }: Surroundings,
  work: (agent: Agent, stop: AbortSignal) => Promise<number>,
): Promise<number> {
  // Commander sets longPoll to true when the option is absent; only its negation says something.
  const { longPoll, ...rest } = flags;
  const config = loadConfig(longPoll === false ? { ...rest, longPoll } : rest, environment);
  const log = new JsonLog(config.logLevel);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new AgentError('cancelled', 'stopped', 'the agent was told to stop'));
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
  const agent = await openAgent(config, log, crash);
  try {
    return await work(agent, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return 0;
    return report(error, log);
  } finally {
    await agent.close();
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

async function service(agent: Agent, stop: AbortSignal): Promise<number> {
  const lock = new FileLock(join(agent.config.stateDirectory, 'service.lock'), (explanation, path) =>
    agent.log.warn('a stale lock was cleared', { path, explanation }),
  );
  const release = await lock.acquire('haishin-agent run');
  try {
    agent.log.info('started', {
      controllerId: agent.config.controllerId,
      server: agent.config.server,
      version: VERSION,
    });
    await new ServiceLoop(agent).run(stop);
    return 0;
  } finally {
    await release();
  }
}

async function once(agent: Agent, stop: AbortSignal): Promise<number> {
  if (!agent.uplink) throw new AgentError('configuration', 'server-missing', 'no server is configured');
  try {
    await new PollCycle(agent, agent.uplink).once(0, stop);
    return 0;
  } catch (error) {
    if (!stop.aborted) await noteServerProblem(agent, error);
    throw error;
  }
}

async function showStatus(agent: Agent, print: Surroundings['print'], options: { json?: boolean }): Promise<number> {
  const state = await agent.state.read();
  const components = await statusRows(agent.config, state, agent.generations);
  const schedule = scheduleState(agent.config, state, Date.now());
  const updating = await agent.updateLock.holder();
  if (options.json) {
    const { controllerId, server } = agent.config;
    const { deployment, serverProblem, lastServerContactAt } = state;
    const waiting = { feedback: state.feedback.length, events: state.events.length };
    const facts = {
      controllerId,
      server,
      components,
      schedule,
      updating,
      deployment,
      serverProblem,
      lastServerContactAt,
      waiting,
    };
    print(JSON.stringify(facts, null, 2));
    return 0;
  }
  print(statusTable(components));
  print(`schedule: ${schedule.on ? `on, every ${schedule.intervalSeconds} s` : `off (${schedule.reason})`}`);
  if (updating) print(`updating: ${updating.purpose}, pid ${updating.pid}, since ${updating.since}`);
  if (state.deployment) print(`deployment ${state.deployment.id}: ${state.deployment.phase}`);
  if (state.serverProblem) print(`server: away since ${state.serverProblem.since}: ${state.serverProblem.message}`);
  return 0;
}

async function update(
  agent: Agent,
  components: string[],
  print: Surroundings['print'],
  stop: AbortSignal,
): Promise<number> {
  const results = await new OwnUpdate(agent).run('manual', components.length > 0 ? components : null, stop);
  for (const { component, outcome, versionBefore, version, message } of results) {
    print(`${component}: ${outcome} (${versionBefore ?? '-'} -> ${version ?? '-'}) ${message}`);
  }
  await tellServer(agent);
  return results.some((result) => result.outcome === 'failed') ? 1 : 0;
}

async function rollBack(agent: Agent, component: string, print: Surroundings['print']): Promise<number> {
  const problem = await rollBackByHand(agent, [safeComponent(component)]);
  const installed = await agent.generations.installed(component);
  print(problem === null ? `${component}: back at ${installed?.version ?? '-'}` : `${component}: ${problem}`);
  await tellServer(agent);
  return problem === null ? 0 : 1;
}

async function consent(
  agent: Agent,
  answer: 'confirmed' | 'denied',
  print: Surroundings['print'],
  stop: AbortSignal,
): Promise<number> {
  if (!agent.uplink) throw new AgentError('configuration', 'server-missing', 'no server is configured');
  const { links } = await agent.uplink.client.poll({ waitSeconds: 0, etag: null, signal: stop });
  if (!links.confirmationBase) {
    throw new AgentError('rejected', 'nothing-to-confirm', 'no deployment waits for consent');
  }
  await answerConfirmation(agent.uplink, links.confirmationBase, answer, `${answer} on the command line`, stop);
  print(answer);
  return 0;
}

/** The history goes out at once when the server is there; otherwise the service sends it later. */
async function tellServer(agent: Agent): Promise<void> {
  try {
    await agent.uplink?.outbox.flush(AbortSignal.timeout(5000));
  } catch (error) {
    agent.log.info('the server will hear of it later', { error: toAgentError(error, 'server').message });
  }
}

function report(error: unknown, log: JsonLog): number {
  const failure = toAgentError(error, 'installation');
  log.error(failure.message, { code: failure.code });
  if (failure.reason === 'configuration') return 2;
  return failure.code === 'update-running' ? 3 : 1;
}
