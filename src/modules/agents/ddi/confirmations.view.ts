import type { KnownAgent } from '../agent-directory.js';
import { controllerPath } from './ddi-links.js';

/** Whether the product consents by itself, how it changes that, and what waits for its consent (hawkBit `confirmationBase`). */
export function confirmationsView(agent: KnownAgent, own: string): object {
  const at = `${own}${controllerPath(agent.controllerId)}/confirmationBase`;
  const change = agent.autoConfirm ? 'deactivateAutoConfirm' : 'activateAutoConfirm';
  const links: Record<string, { href: string }> = { [change]: { href: `${at}/${change}` } };
  const { confirmation } = agent.work;
  if (confirmation !== null)
    links['confirmationBase'] = { href: `${at}/${confirmation.actionId}?c=${confirmation.version}` };
  return { autoConfirm: { active: agent.autoConfirm }, _links: links };
}
