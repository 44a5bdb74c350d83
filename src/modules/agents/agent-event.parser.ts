import { AppError } from '../../platform/errors/app-error.js';
import { productText } from './product-text.js';

export const EVENT_TRIGGERS = ['schedule', 'manual', 'rollback'] as const;
export const EVENT_OUTCOMES = ['succeeded', 'failed', 'unchanged'] as const;

/** One update that a product started itself. */
export interface ProductEvent {
  /** The product's own id of it; what is sent twice is kept once. */
  id: string;
  at: Date;
  component: string;
  trigger: (typeof EVENT_TRIGGERS)[number];
  outcome: (typeof EVENT_OUTCOMES)[number];
  versionBefore: string | null;
  version: string | null;
  code: number | null;
  message: string | null;
}

const MAX_EVENTS = 500;
const MAX_MESSAGE = 1_000;
/** A clock that is off by more than this tells nothing: the time of arrival stands instead. */
const CLOCK_TOLERANCE_MS = 400 * 86_400_000;

/** @throws AppError `events-invalid`: what cannot be read refuses the whole report, so that the product notices. */
export function parseProductEvents(body: unknown, now: Date): ProductEvent[] {
  const list = (body as { events?: unknown } | null)?.events;
  if (!Array.isArray(list)) throw invalid('events must be a list');
  if (list.length > MAX_EVENTS) throw invalid(`at most ${MAX_EVENTS} events at once`);
  return [...new Map(list.map((each: unknown) => parseOne(each, now)).map((event) => [event.id, event])).values()];
}

function parseOne(value: unknown, now: Date): ProductEvent {
  if (typeof value !== 'object' || value === null) throw invalid('an event must be an object');
  const fields = value as Record<string, unknown>;
  const id = text(fields['id'], 100);
  const component = text(fields['component'], 63);
  if (id === null) throw invalid('id must be a text of at most 100 characters');
  if (component === null) throw invalid('component must be a component id');
  const code = fields['code'];
  return {
    id,
    at: instant(fields['time'], now),
    component,
    trigger: oneOf(EVENT_TRIGGERS, fields['trigger'], 'trigger'),
    outcome: oneOf(EVENT_OUTCOMES, fields['outcome'], 'outcome'),
    versionBefore: text(fields['versionBefore'], 64),
    version: text(fields['version'], 64),
    code: typeof code === 'number' && Number.isInteger(code) && Math.abs(code) < 2 ** 31 ? code : null,
    message: typeof fields['message'] === 'string' ? productText(fields['message'], MAX_MESSAGE) : null,
  };
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown, field: string): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw invalid(`${field} must be one of ${allowed.join(', ')}`);
  return found;
}

function instant(value: unknown, now: Date): Date {
  const at = typeof value === 'string' ? new Date(value) : null;
  const usable = at !== null && Math.abs(at.getTime() - now.getTime()) < CLOCK_TOLERANCE_MS;
  return usable ? at : now;
}

function text(value: unknown, most: number): string | null {
  if (typeof value !== 'string' || value.length > most) return null;
  return productText(value, most).trim() || null;
}

function invalid(why: string): AppError {
  return new AppError('bad-input', 'events-invalid', { values: { why } });
}
