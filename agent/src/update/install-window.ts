import type { AgentConfig } from '../config/agent-config.js';
import type { DeploymentBase } from '../server/ddi-messages.js';

/** The files are wanted, their installation is not: a later order may find them here. Outside a maintenance window it is only put off. */
export function isDownloadOnly({ update, maintenanceWindow }: DeploymentBase['deployment']): boolean {
  return update === 'skip' && maintenanceWindow === undefined;
}

/** Why an installation has to wait, or null when it may begin. `now` is local time. */
export function waitReason(
  deployment: DeploymentBase['deployment'],
  window: AgentConfig['installWindow'],
  now: Date,
): string | null {
  if (deployment.maintenanceWindow === 'unavailable') return 'waiting for the maintenance window';
  if (deployment.update === 'skip') return 'the server does not want the installation yet';
  if (deployment.update === 'forced' || window === null) return null;
  return within(window, now) ? null : `waiting for the local installation window ${window.start}-${window.end}`;
}

/** Start included, end not; a window may span midnight. */
function within(window: { readonly start: string; readonly end: string }, now: Date): boolean {
  const [start, end] = [minutes(window.start), minutes(window.end)];
  const at = now.getHours() * 60 + now.getMinutes();
  return start < end ? at >= start && at < end : at >= start || at < end;
}

function minutes(clock: string): number {
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  return hour * 60 + minute;
}
