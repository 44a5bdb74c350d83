import { performance } from 'node:perf_hooks';
import { type AgentError, toAgentError } from '../errors/agent-error.js';
import { endInterrupted } from '../update/exclusive.js';
import { nextCheckInMs, scheduleState } from '../update/own-schedule.js';
import { OwnUpdate } from '../update/own-update.js';
import type { Agent } from './agent.js';
import { pauseAfter, pauseAfterFailure } from './pause.js';
import { PollCycle, noteServerProblem } from './poll-cycle.js';
import { sleep } from './sleep.js';

/** A held request that came back sooner than this was not really held. */
const HELD_AT_LEAST_MS = 500;
const IDLE_WITHOUT_SERVER_SECONDS = 3600;

/** `haishin-agent run`: the server's orders and the own schedule, one after the other, until told to stop. */
export class ServiceLoop {
  readonly #agent: Agent;
  readonly #cycle: PollCycle | null;
  readonly #own: OwnUpdate;
  #failures = 0;
  #worked = 0;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#cycle = agent.uplink ? new PollCycle(agent, agent.uplink) : null;
    this.#own = new OwnUpdate(agent);
  }

  async run(stop: AbortSignal): Promise<void> {
    await this.#recover();
    let pollDue = performance.now();
    while (!stop.aborted) {
      const checkInMs = await this.#ownCheck(stop);
      if (stop.aborted) break;
      if (performance.now() >= pollDue) pollDue = performance.now() + (await this.#contact(checkInMs, stop)) * 1000;
      const next = Math.min(pollDue - performance.now(), await this.#checkDueInMs());
      await sleep(Math.max(next, 0), stop);
    }
    this.#agent.log.info('stopped');
  }

  async #recover(): Promise<void> {
    try {
      await endInterrupted(this.#agent);
    } catch (error) {
      // The disk is in trouble, for one: every later contact and update tries first, too.
      this.#agent.log.warn('nothing could be recovered at start', {
        error: toAgentError(error, 'installation').message,
      });
    }
  }

  /** Seconds until the next contact. */
  async #contact(checkInMs: number, stop: AbortSignal): Promise<number> {
    if (this.#cycle === null) return IDLE_WITHOUT_SERVER_SECONDS;
    const { polling } = this.#agent.config;
    // A held request must not outlast the moment of the next own check.
    const wait = polling.longPoll ? Math.min(polling.waitSeconds, Math.floor(checkInMs / 1000)) : 0;
    const begun = performance.now();
    try {
      const result = await this.#cycle.once(wait, stop);
      if (this.#failures > 0) this.#agent.log.info('the server is back', { failures: this.#failures });
      this.#failures = 0;
      const held = result.held && performance.now() - begun >= Math.min(HELD_AT_LEAST_MS, wait * 1000);
      this.#worked = result.outcome === 'worked' ? this.#worked + 1 : 0;
      return pauseAfter({ ...result, held }, polling.intervalSeconds, this.#worked, Math.random());
    } catch (error) {
      if (stop.aborted) return 0;
      return this.#afterFailure(await noteServerProblem(this.#agent, error));
    }
  }

  #afterFailure(error: AgentError): number {
    this.#failures += 1;
    return pauseAfterFailure(error, this.#failures, this.#agent.config.polling.retryBaseSeconds, Math.random());
  }

  /** Runs the own check when it is due. @returns milliseconds until the next one */
  async #ownCheck(stop: AbortSignal): Promise<number> {
    const due = await this.#checkDueInMs();
    if (due > 0) return due;
    await this.#agent.state.update((state) => {
      state.lastScheduledCheckAt = new Date().toISOString();
    });
    try {
      await this.#own.run('schedule', null, stop);
    } catch (error) {
      if (!stop.aborted)
        this.#agent.log.warn('the own check failed', { error: toAgentError(error, 'download').message });
    }
    return this.#checkDueInMs();
  }

  async #checkDueInMs(): Promise<number> {
    const state = await this.#agent.state.read();
    const schedule = scheduleState(this.#agent.config, state, Date.now());
    if (!schedule.on) return Infinity;
    return nextCheckInMs(state.lastScheduledCheckAt, Date.now(), schedule.intervalSeconds);
  }
}
