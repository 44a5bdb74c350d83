import { AgentError, toAgentError } from '../errors/agent-error.js';
import { type PollAnswer, ServerAnswerError } from '../server/ddi-client.js';
import { feedback } from '../server/ddi-messages.js';
import { parseCancel } from '../server/ddi-parse.js';
import { sendInventory } from '../server/inventory.js';
import { CommandRunner } from '../update/command-runner.js';
import { DeploymentRunner } from '../update/deployment-runner.js';
import { endInterrupted } from '../update/exclusive.js';
import { orderKey } from '../update/order-report.js';
import type { Agent, Uplink } from './agent.js';

/**
 * - `worked`: something was done; there may be more
 * - `waiting`: something is open that cannot be done now
 * - `idle`: there was nothing; `held` when the server held the request until its time was over
 */
export interface CycleResult {
  readonly outcome: 'worked' | 'waiting' | 'idle';
  readonly held: boolean;
  readonly sleepSeconds: number | null;
}

/** One contact with the server: what is unsent goes out, then everything that the server offers is done in its order. */
export class PollCycle {
  readonly #agent: Agent;
  readonly #uplink: Uplink;
  readonly #deployments: DeploymentRunner;
  readonly #commands: CommandRunner;
  #etag: string | null = null;
  #sleepSeconds: number | null = null;

  constructor(agent: Agent, uplink: Uplink) {
    this.#agent = agent;
    this.#uplink = uplink;
    this.#deployments = new DeploymentRunner(agent, uplink.client, uplink.outbox);
    this.#commands = new CommandRunner(agent, uplink.client, uplink.outbox);
  }

  /** @throws AgentError download/server-unreachable, server/…: the server is away, busy, or refuses us */
  async once(waitSeconds: number, stop: AbortSignal): Promise<CycleResult> {
    await endInterrupted(this.#agent);
    await this.#uplink.outbox.flush(stop);
    const before = await this.#agent.state.read();
    if (before.inventoryChanged) await sendInventory(this.#agent, 'merge', stop);
    const answer = await this.#uplink.client.poll({ waitSeconds, etag: this.#etag, signal: stop });
    await this.#contact();
    this.#sleepSeconds = answer.sleepSeconds ?? this.#sleepSeconds;
    const result = (outcome: CycleResult['outcome']): CycleResult => ({
      outcome,
      held: answer.held,
      sleepSeconds: this.#sleepSeconds,
    });
    if (answer.unchanged) return result('idle');
    const outcome = await this.#follow(answer, stop);
    // What is still open must be offered again: only an answer without work may be asked for conditionally.
    this.#etag = outcome === 'idle' ? answer.etag : null;
    return result(outcome);
  }

  async #follow({ links }: PollAnswer, stop: AbortSignal): Promise<CycleResult['outcome']> {
    const outcomes: CycleResult['outcome'][] = [];
    if (links.configData) {
      await sendInventory(this.#agent, 'replace', stop);
      outcomes.push('worked');
    }
    if (links.cancelAction) outcomes.push(await this.#cancel(links.cancelAction, stop));
    if (links.confirmationBase) outcomes.push(await this.#confirm(links.confirmationBase, stop));
    if (links.deploymentBase) outcomes.push(await this.#deploy(links.deploymentBase, stop));
    else if (!links.cancelAction && !links.confirmationBase) await this.#forgetDeployment();
    if (links.command) outcomes.push((await this.#commands.run(links.command, stop)) === 'done' ? 'worked' : 'waiting');
    if (outcomes.includes('waiting')) return 'waiting';
    return outcomes.includes('worked') ? 'worked' : 'idle';
  }

  async #deploy(href: string, stop: AbortSignal): Promise<CycleResult['outcome']> {
    try {
      return (await this.#deployments.run(href, stop)) === 'done' ? 'worked' : 'waiting';
    } catch (error) {
      // Cancelled, superseded or expired between the poll and the look at it.
      const gone = error instanceof ServerAnswerError && (error.status === 404 || error.status === 410);
      if (!gone) throw error;
      await this.#forgetDeployment();
      return 'waiting';
    }
  }

  /** A cancellation while no deployment runs here: nothing was changed, or everything is done. */
  async #cancel(href: string, stop: AbortSignal): Promise<CycleResult['outcome']> {
    const { id, cancelAction } = parseCancel(await this.#uplink.client.get(href, stop));
    const feedbackHref = this.#uplink.client.feedbackHref(href);
    const { finished } = await this.#agent.state.read();
    const done = finished.find((known) => known.orderId === orderKey('deployment', cancelAction.stopId));
    if (done?.succeeded) {
      const body = feedback(id, 'rejected', 'none', ['the deployment is installed already']);
      await this.#uplink.client.feedback(feedbackHref, body, stop);
      return 'waiting';
    }
    await this.#agent.downloads.clear();
    await this.#agent.state.update((state) => {
      if (state.deployment?.id === cancelAction.stopId) state.deployment = null;
    });
    const body = feedback(id, 'closed', 'success', ['cancelled before anything was changed']);
    await this.#uplink.client.feedback(feedbackHref, body, stop);
    return 'worked';
  }

  async #confirm(href: string, stop: AbortSignal): Promise<CycleResult['outcome']> {
    if (!this.#agent.config.confirmation.auto) {
      this.#agent.log.info('a deployment waits for the consent of a local operator: haishin-agent confirm | deny');
      return 'waiting';
    }
    await answerConfirmation(this.#uplink, href, 'confirmed', 'confirmed by configuration', stop);
    return 'worked';
  }

  /** The server does not offer a deployment any more that we thought open. */
  async #forgetDeployment(): Promise<void> {
    const { deployment } = await this.#agent.state.read();
    if (deployment === null) return;
    this.#agent.log.info('the server withdrew the deployment', { action: deployment.id });
    await this.#agent.downloads.clear();
    await this.#agent.state.update((state) => {
      state.deployment = null;
    });
  }

  async #contact(): Promise<void> {
    const { serverProblem, lastServerContactAt } = await this.#agent.state.read();
    const age = Math.abs(Date.now() - Date.parse(lastServerContactAt ?? ''));
    // Idle polls leave no trace on the disk more often than once a minute.
    if (serverProblem === null && age < 60_000) return;
    await this.#agent.state.update((state) => {
      state.lastServerContactAt = new Date().toISOString();
      state.serverProblem = null;
    });
  }
}

/** Answers an open question for consent. @throws AgentError when the server is away */
export async function answerConfirmation(
  uplink: Uplink,
  href: string,
  confirmation: 'confirmed' | 'denied',
  detail: string,
  signal: AbortSignal,
): Promise<void> {
  const body = { confirmation, code: 0, details: [detail] };
  const answer = await uplink.client.feedback(uplink.client.feedbackHref(href), body, signal);
  if (answer === 'taken') return;
  throw new AgentError('server', 'confirmation-gone', 'the server does not wait for this consent any more');
}

/** Notes that the server is away, once per absence. */
export async function noteServerProblem(agent: Agent, error: unknown): Promise<AgentError> {
  const failure = toAgentError(error, 'server');
  const { serverProblem } = await agent.state.read();
  if (serverProblem?.message === failure.message) return failure;
  agent.log.warn('the server is away or refuses us', { code: failure.code, error: failure.message });
  await agent.state.update((state) => {
    state.serverProblem = { since: state.serverProblem?.since ?? new Date().toISOString(), message: failure.message };
  });
  return failure;
}
