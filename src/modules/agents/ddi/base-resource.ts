import { hash } from 'node:crypto';
import type { KnownAgent } from '../agent-directory.js';
import { controllerPath } from './ddi-links.js';
import { sleepText } from './poll-interval.js';

/** Addresses of the server for which an answer is remembered: a product has one, and anything can stand in its Host. */
const MAX_ANSWERS = 8;

/** The answer to a poll, ready to be sent. */
export interface BaseAnswer {
  body: string;
  etag: string;
  /** There is something for the product: a held poll is answered. */
  something: boolean;
}

/**
 * The base resource (agent-protocol.md §1): links only when there is something. Made once for a product and host; the memory
 * of the product drops it whenever anything changes.
 */
export function baseAnswer(agent: KnownAgent, own: string, runsOwnUpdate: boolean): BaseAnswer {
  const key = `${own} ${runsOwnUpdate}`;
  const known = agent.answers.get(key) as BaseAnswer | undefined;
  if (known !== undefined) return known;
  const at = own + controllerPath(agent.controllerId);
  const links: Record<string, { href: string }> = {};
  if (agent.configDataWanted) links['configData'] = { href: `${at}/configData` };
  if (agent.approval === 'approved') {
    const { deployment, confirmation, cancellation, command, installed } = agent.work;
    if (cancellation !== null) links['cancelAction'] = { href: `${at}/cancelAction/${cancellation.actionId}` };
    else if (runsOwnUpdate) {
      // A push now would collide with what the product does by itself: it waits.
    } else if (confirmation !== null)
      links['confirmationBase'] = { href: `${at}/confirmationBase/${confirmation.actionId}?c=${confirmation.version}` };
    else if (deployment !== null)
      links['deploymentBase'] = { href: `${at}/deploymentBase/${deployment.actionId}?c=${deployment.version}` };
    if (command !== null && !runsOwnUpdate)
      links['command'] = { href: `${at}/command/${command.actionId}?c=${command.version}` };
    if (installed !== null) links['installedBase'] = { href: `${at}/installedBase/${installed.actionId}` };
  }
  const body = JSON.stringify({
    config: { polling: { sleep: sleepText(agent.pollSeconds, agent.controllerId) } },
    _links: links,
  });
  const something = Object.keys(links).some((name) => name !== 'installedBase');
  // Attributes that are wanted again are news to a product that has answered the same link before.
  const etag = `"${hash('sha1', `${body}${agent.configDataAt?.getTime() ?? ''}`)}"`;
  const answer = { body, etag, something };
  if (agent.answers.size >= MAX_ANSWERS) agent.answers.clear();
  agent.answers.set(key, answer);
  return answer;
}
