import type { Channel } from '../../mirror/snapshot/channel.js';
import { AppError } from '../../platform/errors/app-error.js';
import { parseInstant } from '../../platform/http/instant.js';
import { CLOCK_TIME } from '../../platform/clock/clock-time.js';
import type { FleetSelection } from '../agents/agents.api.js';
import type { DeployParameters, MaintenanceWindow } from '../commands/commands.api.js';
import type { DeploymentBody, WindowBody } from './deployment.dto.js';
import type { PlanDefinition } from './plan.definition.js';
import { firstOpening } from './window.rules.js';

/** A plan as an order carries it: already looked up, so that preview and order see the same. */
export interface OrderedPlan {
  id: string | null;
  name: string | null;
  definition: PlanDefinition;
  /** Engines follow this one, apart from the rest; null: no difference is made. */
  engines: PlanDefinition | null;
}

/** What is to be deployed, to whom and how; the same for people and for what follows a download. */
export interface DeploymentOrder {
  components: string[];
  releases: string[];
  channel: Channel | null;
  selection: FleetSelection;
  plan: OrderedPlan;
  mode: DeployParameters['mode'];
  window: MaintenanceWindow | null;
  force: boolean;
  needsConfirmation: boolean;
  tries: number | null;
  retryMinutes: number | null;
  /** null: a day, or until the window has been open once. */
  expiresInHours: number | null;
  trigger: 'person' | 'download';
  downloadId: string | null;
  basisAt: Date;
  actor: string;
}

export const FORCED: DeployParameters['mode'] = { download: 'forced', update: 'forced' };

export function modeOf(mode: DeploymentBody['mode']): DeployParameters['mode'] {
  if (mode === undefined || mode === 'forced') return FORCED;
  if (mode === 'attempt') return { download: 'attempt', update: 'attempt' };
  if (mode === 'download-only') return { download: 'forced', update: 'skip' };
  return mode;
}

/** @throws AppError `window-invalid`. */
export function windowOf(body: WindowBody | null | undefined): MaintenanceWindow | null {
  if (body === null || body === undefined) return null;
  const { from, to, days, timeZone } = body;
  const daily = body.kind === undefined ? timeZone !== undefined || days !== undefined : body.kind === 'daily';
  if (daily) {
    if (timeZone === undefined || !CLOCK_TIME.test(from) || !CLOCK_TIME.test(to))
      throw new AppError('bad-input', 'window-invalid.daily');
    return { kind: 'daily', from, to, timeZone, ...(days === undefined ? {} : { days }) };
  }
  const [opens, shuts] = [parseInstant(from), parseInstant(to)];
  if (timeZone !== undefined || days !== undefined || opens === null || shuts === null)
    throw new AppError('bad-input', 'window-invalid.once');
  return { kind: 'once', from: opens.toISOString(), to: shuts.toISOString() };
}

const HOUR = 3_600_000;
const DEFAULT_HOURS = 24;

/**
 * Until when a product that is told at `from` may take its time: the hours of the order; without any, a day, and at least
 * until the window has been open once.
 */
export function targetExpiry(
  order: { window: MaintenanceWindow | null; expiresInHours: number | null },
  from: Date,
): Date {
  const plain = new Date(from.getTime() + (order.expiresInHours ?? DEFAULT_HOURS) * HOUR);
  if (order.expiresInHours !== null || order.window === null) return plain;
  const opening = firstOpening(order.window, from);
  return opening !== null && opening.to > plain ? opening.to : plain;
}

/** @throws AppError `window-never-opens`: never again, or not before the order expires. */
export function requireOpening(
  order: { window: MaintenanceWindow | null; expiresInHours: number | null },
  now: Date,
): void {
  if (order.window === null) return;
  const opening = firstOpening(order.window, now);
  if (opening !== null && opening.from < targetExpiry(order, now)) return;
  const opensAt = opening?.from.toISOString() ?? null;
  throw new AppError('unprocessable', opensAt === null ? 'window-never-opens' : 'window-never-opens.too-late', {
    details: { window: order.window, opensAt },
  });
}
