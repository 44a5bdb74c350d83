import { setTimeout as delay } from 'node:timers/promises';
import { RefusedError, type DeviceConnection } from './device-connection.js';
import {
  feedback,
  feedbackHref,
  sleepSeconds,
  type BaseMessage,
  type DeploymentMessage,
  type Execution,
} from './device-messages.js';
import type { FleetBehaviour, Role } from './fleet.behaviour.js';
import type { FleetCounters } from './fleet.counters.js';

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** Between short polls when neither the fleet nor the server says how long. */
const FALLBACK_POLL_SECONDS = 900;
const OUTSIDE_WINDOW_MS = 1_000;

/** Ends a product's life as an abort does: the role says that it is gone. */
class GoneOffline extends Error {}

/**
 * One managed product that exists only as its conversation with the server: polls, reports, "installs", gives feedback.
 * What a server can see is real; nothing is kept on a disk.
 */
export class SimulatedAgent {
  readonly installed: Record<string, string>;
  private etag: string | null = null;
  private reported = false;
  /** Actions that it refused to cancel: asked again, it says the same. */
  private readonly refused = new Set<string>();

  constructor(
    readonly controllerId: string,
    readonly role: Role,
    private readonly connection: DeviceConnection,
    private readonly behaviour: FleetBehaviour,
    private readonly counters: FleetCounters,
  ) {
    this.installed = { ...behaviour.installed };
  }

  /** Resolves when the fleet is stopped, or when the product goes offline for good. */
  async run(signal: AbortSignal): Promise<void> {
    let backoff = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      try {
        const restSeconds = await this.contact(signal);
        backoff = FIRST_BACKOFF_MS;
        if (restSeconds > 0) await delay(restSeconds * 1000, undefined, { signal });
      } catch (fault) {
        if (signal.aborted || fault instanceof GoneOffline) break;
        // What the server said before may be left undone: the next poll asks for all of it.
        this.etag = null;
        this.counters.errors += 1;
        this.counters.lastError = String(fault);
        const wanted = fault instanceof RefusedError ? fault.retryAfterSeconds : null;
        // Spread, so that a fleet does not come back in one instant.
        const pause = wanted === null ? backoff * (0.5 + Math.random() / 2) : wanted * 1000;
        backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS);
        await delay(pause, undefined, { signal }).catch(() => undefined);
      }
    }
    await this.connection.close();
  }

  /** One poll and what follows from it; answers for how many seconds to stay away. */
  private async contact(signal: AbortSignal): Promise<number> {
    const { waitSeconds, pollSeconds } = this.behaviour;
    const message = await this.poll(this.reported ? waitSeconds : 0, signal);
    if (message === null) return waitSeconds > 0 ? 0 : (pollSeconds ?? FALLBACK_POLL_SECONDS);
    const links = message._links ?? {};
    if (links.configData !== undefined || !this.reported) await this.report(signal);
    if (links.cancelAction !== undefined) await this.answerCancel(links.cancelAction.href, signal);
    else if (links.confirmationBase !== undefined)
      await this.connection.write(
        'POST',
        feedbackHref(links.confirmationBase.href),
        { confirmation: 'confirmed' },
        signal,
      );
    if (links.deploymentBase !== undefined) await this.update(links.deploymentBase.href, signal);
    else if (links.command !== undefined) await this.obey(links.command.href, signal);
    else if (waitSeconds === 0) return pollSeconds ?? sleepSeconds(message) ?? FALLBACK_POLL_SECONDS;
    return 0;
  }

  private async poll(waitSeconds: number, signal: AbortSignal): Promise<BaseMessage | null> {
    this.counters.polls += 1;
    if (waitSeconds > 0) this.counters.held += 1;
    try {
      const answer = await this.connection.poll(waitSeconds, this.etag, signal);
      if (answer === null) return null;
      this.etag = answer.etag;
      return answer.body as BaseMessage;
    } finally {
      if (waitSeconds > 0) this.counters.held -= 1;
    }
  }

  private async report(signal: AbortSignal): Promise<void> {
    const data: Record<string, string> = {
      product: this.behaviour.productType,
      version: '9.1',
      'haishin.capabilities': 'inventory,diagnostics,schedule',
      'haishin.schedule': 'off',
      'haishin.update': 'idle',
    };
    for (const [id, version] of Object.entries(this.installed)) data[`component.${id}.version`] = version;
    await this.connection.write('PUT', `${this.connection.base}/configData`, { mode: 'merge', data }, signal);
    if (!this.reported) this.counters.enrolled += 1;
    this.reported = true;
    if (this.role === 'offline') throw new GoneOffline();
  }

  private async update(href: string, signal: AbortSignal): Promise<void> {
    const order = (await this.connection.get(href, signal)) as DeploymentMessage;
    const { id, deployment } = order;
    // Outside of its window: the server says when it has come by answering the next poll otherwise.
    if (deployment.update === 'skip') {
      await delay(OUTSIDE_WINDOW_MS, undefined, { signal });
      return;
    }
    this.counters.started += 1;
    const tell = (execution: Execution, finished: 'none' | 'success' | 'failure', text: string): Promise<boolean> =>
      finished === 'none' && !this.behaviour.progress
        ? Promise.resolve(true)
        : this.tell(href, feedback(id, execution, finished, text), signal);
    if (!(await tell('proceeding', 'none', 'the update has begun'))) return;
    const fault = await this.download(deployment, signal);
    if (fault !== null) return this.fail(tell, `verification: 1: ${fault}`);
    if (!(await tell('downloaded', 'none', 'all files are here and checked'))) return;
    if (this.behaviour.progress && (await this.cancelledMeanwhile(id, signal))) return;
    const { slowMilliseconds, workMilliseconds } = this.behaviour;
    await delay(this.role === 'slow' ? slowMilliseconds : workMilliseconds, undefined, { signal });
    if (await this.cancelledMeanwhile(id, signal)) return;
    if (this.role === 'failing') return this.fail(tell, 'installation: 1: this product always fails');
    for (const chunk of deployment.chunks) this.installed[chunk.part] = chunk.version;
    if (await tell('closed', 'success', `installed ${deployment.chunks.map((chunk) => chunk.part).join(', ')}`))
      this.counters.succeeded += 1;
    await this.report(signal);
  }

  private async fail(
    tell: (execution: Execution, finished: 'failure', text: string) => Promise<boolean>,
    text: string,
  ): Promise<void> {
    if (await tell('closed', 'failure', text)) this.counters.failed += 1;
  }

  /** Null when everything is as announced, else what is not. */
  private async download(deployment: DeploymentMessage['deployment'], signal: AbortSignal): Promise<string | null> {
    if (!this.behaviour.downloads) return null;
    for (const { size, hashes, _links } of deployment.chunks.flatMap((chunk) => chunk.artifacts)) {
      const link = _links.download ?? _links['download-http'];
      if (link === undefined) return 'an artifact without a link';
      const file = await this.connection.digest(link.href, signal);
      this.counters.bytes += file.size;
      if (file.size !== size) return `${file.size} bytes instead of ${size}`;
      if (hashes?.sha256 !== undefined && hashes.sha256 !== file.sha256) return 'another SHA-256 than announced';
    }
    return null;
  }

  /** False when the server says that the action has ended. */
  private async tell(href: string, body: object, signal: AbortSignal): Promise<boolean> {
    const status = await this.connection.write('POST', feedbackHref(href), body, signal);
    if (this.role === 'repeating') await this.connection.write('POST', feedbackHref(href), body, signal);
    if (status >= 400) this.counters.gone += 1;
    return status < 400;
  }

  private async cancelledMeanwhile(actionId: string, signal: AbortSignal): Promise<boolean> {
    if (this.refused.has(actionId)) return false;
    const message = await this.poll(0, signal);
    const link = message?._links?.cancelAction;
    return link !== undefined && (await this.answerCancel(link.href, signal));
  }

  /** True when it gives in. */
  private async answerCancel(href: string, signal: AbortSignal): Promise<boolean> {
    const order = (await this.connection.get(href, signal)) as { id: string; cancelAction: { stopId: string } };
    const accepts = this.role !== 'cancelRefusing';
    const body = accepts
      ? feedback(order.id, 'closed', 'success', 'cancelled')
      : feedback(order.id, 'rejected', 'none', 'too late to cancel');
    await this.connection.write('POST', feedbackHref(href), body, signal);
    if (accepts) this.counters.cancelled += 1;
    else {
      this.refused.add(order.cancelAction.stopId);
      this.counters.cancelsRefused += 1;
    }
    return accepts;
  }

  private async obey(href: string, signal: AbortSignal): Promise<void> {
    const order = (await this.connection.get(href, signal)) as { id: string; command?: { type?: string } };
    if (order.command?.type === 'refresh-inventory') await this.report(signal);
    await this.tell(href, feedback(order.id, 'closed', 'success', `done: ${order.command?.type ?? ''}`), signal);
    this.counters.commands += 1;
  }
}
