import type { InstallOutcome } from '../install/installer.js';
import type { JournalItem, Order } from '../install/journal.js';
import { feedback } from '../server/ddi-messages.js';
import { type AgentState, addEvent, addFinished, componentState } from '../state/agent-state.js';

/** How an order that changed nothing on the disk, or failed before it could, is closed. */
export interface Closing {
  readonly succeeded: boolean;
  /** What ends the order: a download-only one ends by `downloaded`, as with all clients of hawkBit. */
  readonly by?: 'closed' | 'downloaded';
  readonly details: readonly string[];
  readonly code: number;
}

/** Writes the end of an installation or rollback into the state: per component, and to whoever ordered it. */
export function recordOutcome(state: AgentState, outcome: InstallOutcome, now: Date): void {
  const { journal, failure } = outcome;
  const succeeded = failure === null;
  const by = journal.order.kind === 'own' ? journal.order.trigger : journal.kind === 'rollback' ? 'rollback' : 'push';
  const message = failure === null ? 'succeeded' : `${failure.code}: ${failure.message}`;
  for (const item of journal.items) {
    const component = componentState(state, item.component);
    component.lastUpdate = { at: now.toISOString(), outcome: succeeded ? 'succeeded' : 'failed', by, message };
    if (succeeded) component.heldBack = journal.kind === 'rollback';
    if (journal.order.kind !== 'own') continue;
    addEvent(state, {
      id: item.eventId,
      time: now.toISOString(),
      component: item.component,
      trigger: journal.order.trigger,
      outcome: succeeded ? 'succeeded' : 'failed',
      versionBefore: item.versionBefore,
      version: item.version,
      code: failure?.number ?? 0,
      message: [message, ...outcome.details].join('; ').slice(0, 1000),
    });
  }
  state.inventoryChanged = true;
  const lines =
    failure === null ? journal.items.map(changeLine) : [`${failure.reason}: ${failure.code}: ${failure.message}`];
  closeOrder(state, journal.order, { succeeded, details: [...lines, ...outcome.details], code: failure?.number ?? 0 });
}

/** Ends a server's order; nothing for an own update. */
export function closeOrder(state: AgentState, order: Order, closing: Closing): void {
  if (order.kind === 'own') return;
  const finished = closing.succeeded ? 'success' : 'failure';
  const body = feedback(order.id, closing.by ?? 'closed', finished, closing.details, { code: closing.code });
  addFinished(
    state,
    { orderId: orderKey(order.kind, order.id), succeeded: closing.succeeded, body },
    order.feedbackHref,
  );
  if (order.kind === 'deployment' && state.deployment?.id === order.id) state.deployment = null;
}

/** Deployments and commands are numbered apart. */
export function orderKey(kind: 'deployment' | 'command', id: string): string {
  return `${kind}/${id}`;
}

function changeLine(item: JournalItem): string {
  return `${item.component}: ${item.versionBefore ?? 'not installed'} -> ${item.version}`;
}
