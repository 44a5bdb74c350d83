import { arch, hostname, release, type } from 'node:os';
import type { AgentConfig } from '../config/agent-config.js';
import { toAgentError } from '../errors/agent-error.js';
import type { GenerationStore } from '../install/generation-store.js';
import type { Agent } from '../service/agent.js';
import type { AgentState } from '../state/agent-state.js';
import { scheduleState } from '../update/own-schedule.js';

const CAPABILITIES = 'rollback,schedule,source,inventory,diagnostics,licence,multi-artifact,signatures';
const ANNOUNCE_TIMEOUT_MS = 5000;

/** The attributes of `configData`: what this product is and which component versions are in force. */
async function inventory(
  config: AgentConfig,
  generations: GenerationStore,
  state: AgentState,
): Promise<Record<string, string>> {
  const data: Record<string, string> = {
    product: config.product.name,
    version: config.product.version,
    hostname: hostname(),
    os: `${type()} ${release()} ${arch()}`,
    'haishin.capabilities': CAPABILITIES,
    'haishin.schedule': scheduleState(config, state, Date.now()).on ? 'on' : 'off',
    'haishin.update': 'idle',
  };
  for (const component of await generations.components()) {
    const installed = await generations.installed(component);
    if (installed !== null) data[`component.${component}.version`] = installed.version;
  }
  return data;
}

/** Sends the attributes and notes that the server has them. */
export async function sendInventory(agent: Agent, mode: 'merge' | 'replace', signal?: AbortSignal): Promise<void> {
  if (!agent.uplink) return;
  const state = await agent.state.read();
  await agent.uplink.client.putConfigData(mode, await inventory(agent.config, agent.generations, state), signal);
  await agent.state.update((current) => {
    current.inventoryChanged = false;
  });
}

/** Tells the server that an own update begins or has ended, so that it does not push meanwhile; worth one try. */
export async function announceUpdate(agent: Agent, running: 'running' | 'idle'): Promise<void> {
  if (!agent.uplink) return;
  try {
    const signal = AbortSignal.timeout(ANNOUNCE_TIMEOUT_MS);
    await agent.uplink.client.putConfigData('merge', { 'haishin.update': running }, signal);
  } catch (error) {
    agent.log.debug('the server could not be told about the own update', {
      error: toAgentError(error, 'server').message,
    });
  }
}
