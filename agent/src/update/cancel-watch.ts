import { AgentError } from '../errors/agent-error.js';
import type { JsonLog } from '../logging/json-log.js';
import type { DdiClient } from '../server/ddi-client.js';
import { feedback } from '../server/ddi-messages.js';
import { parseCancel } from '../server/ddi-parse.js';
import { sleep } from '../service/sleep.js';

/** The deployment must stop: the server cancelled it, or does not know it any more. */
export class Withdrawn extends AgentError {
  /** Where the cancellation is to be accepted; null when the action is simply gone. */
  readonly cancel: { readonly id: string; readonly feedbackHref: string } | null;

  constructor(cancel: Withdrawn['cancel']) {
    super(
      'cancelled',
      'withdrawn',
      cancel ? 'cancelled by the server' : 'the server does not offer the action any more',
    );
    this.cancel = cancel;
  }
}

/**
 * Asks the server during a deployment whether it is still wanted. Before the point of no return a cancellation aborts
 * `signal`; after it the cancellation is refused, once.
 */
export class CancelWatch {
  readonly #client: DdiClient;
  readonly #actionId: string;
  readonly #log: JsonLog;
  readonly #withdrawn = new AbortController();
  readonly #stopped = new AbortController();
  #committed = false;
  #refused = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(client: DdiClient, actionId: string, log: JsonLog) {
    this.#client = client;
    this.#actionId = actionId;
    this.#log = log;
  }

  get signal(): AbortSignal {
    return this.#withdrawn.signal;
  }

  start(everyMs: number): void {
    this.#loop = this.#run(everyMs);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  /** The point of no return, after one last look. @throws Withdrawn */
  async commit(): Promise<void> {
    await this.#check();
    this.signal.throwIfAborted();
    this.#committed = true;
  }

  /** The server said 410 to a progress report. */
  gone(): void {
    if (!this.#committed) this.#withdrawn.abort(new Withdrawn(null));
  }

  async #run(everyMs: number): Promise<void> {
    for (;;) {
      await sleep(everyMs, this.#stopped.signal);
      if (this.#stopped.signal.aborted || this.signal.aborted) return;
      await this.#check();
    }
  }

  async #check(): Promise<void> {
    try {
      const { links } = await this.#client.poll({ waitSeconds: 0, etag: null, signal: this.#stopped.signal });
      if (links.cancelAction !== undefined) return await this.#cancelled(links.cancelAction);
      if (links.deploymentBase === undefined || lastSegment(links.deploymentBase) !== this.#actionId) this.gone();
    } catch (error) {
      // Not reachable now: the deployment goes on with what it has.
      this.#log.debug('cannot ask whether the deployment is still wanted', { error: String(error) });
    }
  }

  async #cancelled(href: string): Promise<void> {
    const { id, cancelAction } = parseCancel(await this.#client.get(href, this.#stopped.signal));
    if (cancelAction.stopId !== this.#actionId) return;
    const feedbackHref = this.#client.feedbackHref(href);
    if (!this.#committed) return this.#withdrawn.abort(new Withdrawn({ id, feedbackHref }));
    if (this.#refused) return;
    this.#refused = true;
    const text = 'the installation is past its point of no return and will be finished';
    await this.#client.feedback(feedbackHref, feedback(id, 'rejected', 'none', [text]), this.#stopped.signal);
  }
}

function lastSegment(href: string): string {
  return decodeURIComponent(new URL(href).pathname.split('/').pop() ?? '');
}
