import type { FeedbackBody } from '../server/ddi-messages.js';

export type Trigger = 'schedule' | 'manual' | 'rollback';

/** One line of the agent's own update history, as it is posted to the server. */
export interface OwnEvent {
  readonly id: string;
  readonly time: string;
  readonly component: string;
  readonly trigger: Trigger;
  readonly outcome: 'succeeded' | 'failed' | 'unchanged';
  readonly versionBefore: string | null;
  readonly version: string | null;
  readonly code: number;
  readonly message: string;
}

/** What the update source offers: a version, nobody knows (and why), or the source does not carry the component. */
export interface Available {
  readonly state: 'version' | 'unknown' | 'not-carried';
  readonly version: string | null;
  readonly reason: string | null;
  readonly checkedAt: string;
}

export interface ComponentState {
  available?: Available;
  lastUpdate?: { at: string; outcome: 'succeeded' | 'failed'; by: Trigger | 'push'; message: string };
  /** Rolled back: left the schedule until a person or the server installs something again. */
  heldBack?: boolean;
}

/** Feedback that ends an action, kept until the server has taken it. */
export interface PendingFeedback {
  readonly orderId: string;
  readonly href: string;
  readonly body: FeedbackBody;
}

/** An order that is done; asked again, the agent answers without doing it again. */
export interface FinishedOrder {
  readonly orderId: string;
  readonly succeeded: boolean;
  readonly body: FeedbackBody;
}

export interface AgentState {
  formatVersion: 1;
  components: Record<string, ComponentState>;
  /** The deployment that the server wants and that is not finished. */
  deployment: { id: string; phase: string; since: string; note: string | null } | null;
  finished: FinishedOrder[];
  feedback: PendingFeedback[];
  events: OwnEvent[];
  /** Events that no longer fitted since the last successful post. */
  eventsDropped: number;
  /** Set by the server; wins over the configuration. */
  schedule: { enabled: boolean; intervalSeconds: number | null } | null;
  updateSource: string | null;
  lastPushAt: string | null;
  lastScheduledCheckAt: string | null;
  lastServerContactAt: string | null;
  serverProblem: { since: string; message: string } | null;
  /** Attributes changed since the server last had them. */
  inventoryChanged: boolean;
}

export const MAX_EVENTS = 500;
export const MAX_FEEDBACK = 50;
export const MAX_FINISHED = 50;

export function emptyState(): AgentState {
  return {
    formatVersion: 1,
    components: {},
    deployment: null,
    finished: [],
    feedback: [],
    events: [],
    eventsDropped: 0,
    schedule: null,
    updateSource: null,
    lastPushAt: null,
    lastScheduledCheckAt: null,
    lastServerContactAt: null,
    serverProblem: null,
    inventoryChanged: false,
  };
}

/** Adds an event once; beyond the bound the oldest goes, and is counted. */
export function addEvent(state: AgentState, event: OwnEvent): void {
  if (state.events.some((known) => known.id === event.id)) return;
  state.events.push(event);
  const surplus = state.events.length - MAX_EVENTS;
  if (surplus <= 0) return;
  state.events.splice(0, surplus);
  state.eventsDropped += surplus;
}

/** Remembers how an order ended and queues its last feedback; both once per order. */
export function addFinished(state: AgentState, order: FinishedOrder, href: string): void {
  state.finished = [...state.finished.filter((known) => known.orderId !== order.orderId), order].slice(-MAX_FINISHED);
  const others = state.feedback.filter((known) => known.orderId !== order.orderId);
  state.feedback = [...others, { orderId: order.orderId, href, body: order.body }].slice(-MAX_FEEDBACK);
}

export function componentState(state: AgentState, component: string): ComponentState {
  return (state.components[component] ??= {});
}
