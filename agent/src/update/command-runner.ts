import { chmod, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError, toAgentError } from '../errors/agent-error.js';
import { writeFileDurably } from '../files/durable-file.js';
import { safeComponent } from '../files/safe-name.js';
import type { Order } from '../install/journal.js';
import { runHook } from '../install/restart-hook.js';
import type { CommandBase } from '../server/ddi-messages.js';
import { feedback } from '../server/ddi-messages.js';
import type { DdiClient } from '../server/ddi-client.js';
import { parseCommand } from '../server/ddi-parse.js';
import { sendInventory } from '../server/inventory.js';
import type { Agent } from '../service/agent.js';
import type { Outbox } from '../service/outbox.js';
import { statusRows } from '../status/status-report.js';
import { VERSION } from '../version.js';
import { exclusively } from './exclusive.js';
import { closeOrder, orderKey } from './order-report.js';
import { scheduleState } from './own-schedule.js';

type Parameters = Readonly<Record<string, unknown>>;
type CommandOrder = Extract<Order, { kind: 'deployment' | 'command' }>;

const LONGEST_INTERVAL_SECONDS = 7 * 86_400;

/** Carries out the orders behind `_links.command`; each is done once, however often it is offered. */
export class CommandRunner {
  readonly #agent: Agent;
  readonly #client: DdiClient;
  readonly #outbox: Outbox;

  constructor(agent: Agent, client: DdiClient, outbox: Outbox) {
    this.#agent = agent;
    this.#client = client;
    this.#outbox = outbox;
  }

  /** @throws AgentError when the server is away */
  async run(href: string, stop: AbortSignal): Promise<'done' | 'waiting'> {
    const command = parseCommand(await this.#client.get(href, stop));
    const order: CommandOrder = { kind: 'command', id: command.id, feedbackHref: this.#client.feedbackHref(href) };
    const state = await this.#agent.state.read();
    const finished = state.finished.find((known) => known.orderId === orderKey('command', command.id));
    if (finished?.succeeded) {
      await this.#client.feedback(order.feedbackHref, finished.body, stop);
      return 'done';
    }
    try {
      const details = await this.#act(command, order, stop);
      if (details !== null) await this.#close(order, true, details, 0);
    } catch (error) {
      if (stop.aborted) return 'waiting';
      const failure = toAgentError(error, 'rejected');
      if (failure.code === 'update-running') {
        await this.#client.feedback(
          order.feedbackHref,
          feedback(order.id, 'scheduled', 'none', [failure.message]),
          stop,
        );
        return 'waiting';
      }
      await this.#close(order, false, [`${failure.reason}: ${failure.code}: ${failure.message}`], failure.number);
    }
    await this.#outbox.flush();
    return 'done';
  }

  /** What to report, or null when the end is recorded already. */
  async #act(command: CommandBase, order: CommandOrder, stop: AbortSignal): Promise<string[] | null> {
    const parameters = command.command.parameters ?? {};
    switch (command.command.type) {
      case 'rollback':
        return this.#rollback(parameters, order);
      case 'set-schedule':
        return this.#setSchedule(parameters);
      case 'set-update-source':
        return this.#setUpdateSource(parameters);
      case 'refresh-inventory':
        await sendInventory(this.#agent, 'replace', stop);
        return ['the inventory was sent'];
      case 'collect-diagnostics':
        return this.#diagnostics();
      case 'deliver-licence':
        return this.#deliverLicence(parameters);
      default:
        throw new AgentError('rejected', 'not-supported', `this agent does not know ${command.command.type}`);
    }
  }

  async #rollback(parameters: Parameters, order: CommandOrder): Promise<null> {
    const named = parameters['components'] ?? [parameters['component']];
    const words = Array.isArray(named) ? (named as unknown[]) : [];
    const components = words.filter((word) => typeof word === 'string').map(safeComponent);
    if (components.length === 0 || components.length !== words.length) throw invalid('component');
    await exclusively(this.#agent, `rollback (command ${order.id})`, async () => {
      // Recovery under the lock may just have finished this very rollback: never go back twice.
      const { finished } = await this.#agent.state.read();
      if (finished.some((known) => known.orderId === orderKey('command', order.id) && known.succeeded)) return;
      await this.#agent.installer.rollback([...new Set(components)], order);
    });
    return null;
  }

  async #setSchedule(parameters: Parameters): Promise<string[]> {
    const enabled = parameters['enabled'];
    const interval = parameters['intervalSeconds'] ?? null;
    if (typeof enabled !== 'boolean') throw invalid('enabled');
    const usable = typeof interval === 'number' && interval >= 1 && interval <= LONGEST_INTERVAL_SECONDS;
    if (interval !== null && !usable) throw invalid('intervalSeconds');
    const state = await this.#agent.state.update((current) => {
      current.schedule = { enabled, intervalSeconds: usable ? interval : (current.schedule?.intervalSeconds ?? null) };
      current.inventoryChanged = true;
    });
    const now = scheduleState(this.#agent.config, state, Date.now());
    return [`the own schedule is ${now.on ? `on, every ${now.intervalSeconds} s` : `off: ${now.reason}`}`];
  }

  async #setUpdateSource(parameters: Parameters): Promise<string[]> {
    const url = parameters['url'];
    if (typeof url !== 'string' || !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw invalid('url');
    await this.#agent.state.update((current) => {
      current.updateSource = url.replace(/\/+$/, '');
    });
    return [`the update source is ${url}`];
  }

  async #diagnostics(): Promise<string[]> {
    const { config, state, generations, updateLock } = this.#agent;
    const current = await state.read();
    const rows = await statusRows(config, current, generations);
    const disks = [config.stateDirectory, config.productDirectory].map(
      async (path) => `${path}: ${await freeSpace(path)}`,
    );
    const schedule = scheduleState(config, current, Date.now());
    const holder = await updateLock.holder();
    return [
      `agent ${VERSION}, node ${process.version}, pid ${process.pid}, up ${Math.round(process.uptime())} s`,
      `clock ${new Date().toISOString()}`,
      ...(await Promise.all(disks)),
      `schedule: ${schedule.on ? `on, every ${schedule.intervalSeconds} s` : `off: ${schedule.reason}`}`,
      `update source: ${current.updateSource ?? config.updateSource.url ?? 'none'}`,
      `lock: ${holder ? `held by pid ${holder.pid} since ${holder.since}` : 'free'}`,
      `unsent: ${current.feedback.length} feedbacks, ${current.events.length} events`,
      ...rows.map((row) => `${row.component}: current ${row.current}, available ${row.available}, ${row.state}`),
    ];
  }

  async #deliverLicence(parameters: Parameters): Promise<string[]> {
    const { config } = this.#agent;
    // A licence is often the first thing that a product gets.
    await mkdir(config.productDirectory, { recursive: true, mode: 0o755 });
    const path = join(config.productDirectory, 'licence.json');
    await writeFileDurably(path, `${JSON.stringify(parameters, null, 1)}\n`, 0o600);
    await chmod(path, 0o600);
    if (config.hooks.licence === null) return ['the licence was stored; no licence hook is configured'];
    const result = await runHook(config.hooks.licence, config.hooks.timeoutSeconds, { HAISHIN_LICENCE_FILE: path });
    if (result.problem === null) return ['the licence was stored and the hook accepted it'];
    throw new AgentError(
      'rejected',
      'licence-refused',
      `the licence hook failed (${result.problem}): ${result.output}`,
    );
  }

  async #close(order: CommandOrder, succeeded: boolean, details: readonly string[], code: number): Promise<void> {
    await this.#agent.state.update((state) => closeOrder(state, order, { succeeded, details, code }));
  }
}

async function freeSpace(path: string): Promise<string> {
  try {
    const { bavail, bsize } = await statfs(path);
    return `${Math.round((bavail * bsize) / (1024 * 1024))} MiB free`;
  } catch (error) {
    return toAgentError(error, 'installation').message;
  }
}

function invalid(parameter: string): AgentError {
  return new AgentError(
    'rejected',
    'parameter-invalid',
    `the command's parameter "${parameter}" is missing or not usable`,
  );
}
