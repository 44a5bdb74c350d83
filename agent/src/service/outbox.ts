import { AgentError } from '../errors/agent-error.js';
import type { JsonLog } from '../logging/json-log.js';
import { type DdiClient, ServerAnswerError } from '../server/ddi-client.js';
import type { StateStore } from '../state/state-store.js';

const EVENTS_PER_POST = 100;

/** Sends what the server has to know and has not taken yet: endings of orders, and events of own updates. */
export class Outbox {
  readonly #state: StateStore;
  readonly #client: DdiClient;
  readonly #log: JsonLog;

  constructor(state: StateStore, client: DdiClient, log: JsonLog) {
    this.#state = state;
    this.#client = client;
    this.#log = log;
  }

  /** @throws AgentError when the server cannot be reached or is busy; the rest stays queued. */
  async flush(signal?: AbortSignal): Promise<void> {
    const state = await this.#state.read();
    for (const pending of state.feedback) {
      const answer = await this.#deliver(() => this.#client.feedback(pending.href, pending.body, signal));
      if (answer !== 'taken')
        this.#log.warn('the server does not want the end of an order', { order: pending.orderId });
      await this.#state.update((current) => {
        current.feedback = current.feedback.filter((known) => known.orderId !== pending.orderId);
      });
    }
    await this.#flushEvents(signal);
  }

  async #flushEvents(signal?: AbortSignal): Promise<void> {
    for (;;) {
      const { events, eventsDropped } = await this.#state.read();
      const batch = events.slice(0, EVENTS_PER_POST);
      if (batch.length === 0) return;
      if (eventsDropped > 0) this.#log.warn('the oldest own events did not fit and were dropped', { eventsDropped });
      const taken = await this.#deliver(() => this.#client.postEvents(batch, signal));
      if (taken !== true) this.#log.warn('the server does not take own events', { dropped: batch.length });
      const sent = new Set(batch.map((event) => event.id));
      await this.#state.update((current) => {
        current.events = current.events.filter((event) => !sent.has(event.id));
        current.eventsDropped = 0;
      });
    }
  }

  /** What the server calls wrong for good is given up; anything that may pass is thrown and tried again. */
  async #deliver<T>(send: () => Promise<T>): Promise<T | 'refused'> {
    try {
      return await send();
    } catch (error) {
      const final = error instanceof ServerAnswerError && [400, 413, 415, 422].includes(error.status);
      if (!final) throw error;
      this.#log.error('the server refused a message for good', {
        error: error instanceof AgentError ? error.message : '',
      });
      return 'refused';
    }
  }
}
