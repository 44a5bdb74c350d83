import { setTimeout as delay } from 'node:timers/promises';
import { DeviceConnection } from './device-connection.js';
import { FLEET_BEHAVIOUR, roleOf, type FleetBehaviour, type Role } from './fleet.behaviour.js';
import { FleetCounters } from './fleet.counters.js';
import { SimulatedAgent } from './simulated-agent.js';

export interface FleetOptions {
  /** The server: `http://host:port` or `https://host:port`. */
  baseUrl: string;
  /** A gateway token of it: the products enrol by it. */
  gatewayToken: string;
  /** How many products. */
  agents: number;
  behaviour?: Partial<FleetBehaviour>;
  /** Controller ids are `<prefix><number>`, from 1 with leading zeros. */
  prefix?: string;
  /** Certificates that are trusted besides the system's, PEM. */
  ca?: string;
  /** Products that begin per second, so that the server is not met by all in one instant. */
  startPerSecond?: number;
  /** Instead of the shares: what the product at this index is. */
  role?: (index: number) => Role;
}

export interface Fleet {
  readonly counters: FleetCounters;
  readonly agents: readonly SimulatedAgent[];
  /** Resolves when every product has told the server about itself. */
  enrolled(): Promise<void>;
  /** Ends all conversations; resolves when every socket is closed. */
  stop(): Promise<void>;
}

const DEFAULT_START_PER_SECOND = 500;
const LOOK_MS = 20;

/** Starts simulated products that talk DDI with a server; they run until the fleet is stopped. */
export function startFleet(options: FleetOptions): Fleet {
  const behaviour = { ...FLEET_BEHAVIOUR, ...options.behaviour };
  const counters = new FleetCounters();
  // One for each product: a signal looks through all that listen to it whenever another one does.
  const aborts: AbortController[] = [];
  const perSecond = options.startPerSecond ?? DEFAULT_START_PER_SECOND;
  const runs: Promise<void>[] = [];
  const agents: SimulatedAgent[] = [];
  for (let index = 0; index < options.agents; index += 1) {
    const role = options.role?.(index) ?? roleOf(behaviour, index);
    const controllerId = `${options.prefix ?? 'sim-'}${String(index + 1).padStart(5, '0')}`;
    for (let machine = 1; machine <= (role === 'duplicate' ? 2 : 1); machine += 1) {
      const agent = create(options, behaviour, counters, { controllerId, role, machine });
      const abort = new AbortController();
      agents.push(agent);
      aborts.push(abort);
      runs.push(begin(agent, (index * 1000) / perSecond, abort.signal));
    }
  }
  let stopped = false;
  return {
    counters,
    agents,
    enrolled: async () => {
      while (counters.enrolled < agents.length && !stopped) await delay(LOOK_MS);
    },
    stop: async () => {
      stopped = true;
      for (const abort of aborts) abort.abort();
      await Promise.all(runs);
    },
  };
}

function create(
  options: FleetOptions,
  behaviour: FleetBehaviour,
  counters: FleetCounters,
  identity: { controllerId: string; role: Role; machine: number },
): SimulatedAgent {
  const { controllerId, role, machine } = identity;
  const connection = new DeviceConnection({
    baseUrl: options.baseUrl,
    gatewayToken: options.gatewayToken,
    ca: options.ca,
    controllerId,
    userAgent: `haishin-fleet/1 (machine ${machine})`,
  });
  return new SimulatedAgent(controllerId, role, connection, behaviour, counters);
}

async function begin(agent: SimulatedAgent, afterMs: number, signal: AbortSignal): Promise<void> {
  await delay(afterMs, undefined, { signal }).catch(() => undefined);
  await agent.run(signal);
}
