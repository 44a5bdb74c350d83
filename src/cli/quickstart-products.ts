import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startFleet, type Fleet } from '../fleet/fleet.js';
import { AppError } from '../platform/errors/app-error.js';
import type { ApiClient } from './api-client.js';

const SAMPLE_AGENT = 'sample-gateway';
const AGENT_PROGRAM = fileURLToPath(new URL('../../agent/dist/cli.js', import.meta.url));

export interface Products {
  stop(): Promise<void>;
}

export interface Target {
  controllerId: string;
  state: string;
  attempt: number;
}

const UNDER_WAY = new Set(['delivered', 'downloading', 'downloaded', 'installing', 'cancelling']);

/** A real agent process as one product, and a few simulated ones, so that tracking has life in it. */
export async function startProducts(options: {
  api: ApiClient;
  baseUrl: string;
  dataDir: string;
  simulated: number;
}): Promise<Products> {
  const { api, baseUrl, dataDir } = options;
  const agent = await startAgent(api, baseUrl, join(dataDir, 'sample-agent'));
  const fleet = await startSimulated(api, baseUrl, options.simulated).catch(async (fault: unknown) => {
    await end(agent);
    throw fault;
  });
  return {
    stop: async () => {
      await fleet.stop();
      await end(agent);
    },
  };
}

async function startSimulated(api: ApiClient, baseUrl: string, agents: number): Promise<Fleet> {
  const { token } = await api.post<{ token: string }>('/api/v1/enrolment-tokens', {
    name: 'quickstart',
    kind: 'gateway',
  });
  const fleet = startFleet({ baseUrl, gatewayToken: token, agents, behaviour: { failing: 0.1 } });
  await fleet.enrolled();
  return fleet;
}

async function end(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const exit = new Promise((done) => agent.once('exit', done));
  agent.kill('SIGTERM');
  await exit;
}

/** In kept data it is there already: then it gets a new token. */
async function register(api: ApiClient): Promise<{ securityToken: string }> {
  try {
    return await api.post('/api/v1/agents', { controllerId: SAMPLE_AGENT, name: 'Sample mail gateway' });
  } catch (fault) {
    if (!(fault instanceof AppError && fault.code === 'agent-exists')) throw fault;
    return api.post(`/api/v1/agents/${SAMPLE_AGENT}/rotate-token`);
  }
}

async function startAgent(api: ApiClient, baseUrl: string, directory: string): Promise<ChildProcess> {
  const { securityToken } = await register(api);
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'agent.json');
  const config = {
    server: baseUrl,
    controllerId: SAMPLE_AGENT,
    targetToken: securityToken,
    product: { name: 'Sample mail gateway', version: '1.0' },
    productDirectory: join(directory, 'components'),
    stateDirectory: join(directory, 'state'),
    hooks: { scanService: 'true', policyService: 'true' },
    schedule: { enabled: false },
  };
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
  const agent = spawn(process.execPath, [AGENT_PROGRAM, '--config', file, 'run'], { stdio: 'ignore' });
  // Whatever ends the tour, it ends the agent too.
  process.once('exit', () => agent.kill('SIGTERM'));
  return agent;
}

/** The product failed, and waits for another try. */
export function triesAgain({ state, attempt }: Target): boolean {
  return state === 'queued' && attempt > 1;
}

/** Orders a deployment to everything and waits until every product has answered, for a while at most. */
export async function deployToAll(api: ApiClient, components: string[], waitMs: number): Promise<Target[]> {
  const { commandId } = await api.post<{ commandId: string }>('/api/v1/deployments', {
    components,
    targets: { all: true },
  });
  const until = Date.now() + waitMs;
  for (;;) {
    const { items } = await api.get<{ items: Target[] }>(`/api/v1/commands/${commandId}/targets?limit=500`);
    // A product that failed waits half an hour for its next try: long enough to count as answered.
    const open = items.some(
      (target) => UNDER_WAY.has(target.state) || (target.state === 'queued' && !triesAgain(target)),
    );
    if (!open || Date.now() > until) return items;
    await delay(200);
  }
}
