import { NO_WORK, type AgentWork } from '../agents/agents.api.js';
import type { OpenAction } from './action.repository.js';
import { isWindowOpen, nextTurn } from './maintenance-window.js';

/** What of a product's open actions is shown when it asks for work: what is under way before what waits, the older before the newer. */
export function offeredWork(open: readonly OpenAction[], now: Date): AgentWork {
  const offered = (action: OpenAction | undefined): { actionId: string; version: string } | null =>
    action === undefined ? null : { actionId: action.actionId, version: contentVersion(action, now) };
  const cancelled = open.find((action) => action.state === 'cancelling');
  const deployments = open.filter((action) => action.type === 'deploy' && action.state !== 'cancelling');
  const running = deployments.find((action) => action.state !== 'queued');
  const next = deployments.find((action) => !awaitsConsent(action));
  const commands = open.filter((action) => action.type !== 'deploy' && action.state !== 'cancelling');
  return {
    ...NO_WORK,
    cancellation: cancelled === undefined ? null : { actionId: cancelled.actionId },
    deployment: offered(running ?? next),
    confirmation: running === undefined && next === undefined ? offered(deployments.find(awaitsConsent)) : null,
    command: offered(commands.find((action) => action.state !== 'queued') ?? commands[0]),
    changesAt: earliest(deployments.map(({ window }) => nextTurn(window, now))),
  };
}

function earliest(moments: (Date | null)[]): Date | null {
  return moments.reduce((first, each) => (first === null || (each !== null && each < first) ? each : first), null);
}

function awaitsConsent(action: Pick<OpenAction, 'confirmation' | 'state'>): boolean {
  return action.state === 'queued' && (action.confirmation === 'needed' || action.confirmation === 'denied');
}

/** A short text that is another one when the content of the action is: also when its maintenance window opens or closes. */
function contentVersion({ actionId, components, confirmation, window }: OpenAction, now: Date): string {
  const text = `${actionId} ${components.join(' ')} ${confirmation ?? ''} ${isWindowOpen(window, now) ? '' : 'shut'}`;
  let sum = 0;
  for (const letter of text) sum = (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) | 0;
  return String(sum >>> 0);
}
