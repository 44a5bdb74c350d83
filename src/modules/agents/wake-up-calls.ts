import { createHmac } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import pLimit from 'p-limit';
import { request } from 'undici';
import { Agent as HttpAgent } from 'undici';
import { Clock } from '../../platform/clock/clock.js';
import { toAppError } from '../../platform/errors/app-error.js';
import { LOGGER, type Logger } from '../../platform/logging/logger.js';
import { SecretBox } from '../../platform/secrets/secret-box.js';
import { AgentRepository } from './agent.repository.js';
import { WakeUpNetworks } from './wake-up-networks.js';

const PARALLEL = 20;
const MAX_WAITING = 20_000;
const TIMEOUT_MS = 5_000;
/** Pauses before the second and third try; afterwards the product's own poll has to do. */
const PAUSES_MS = [2_000, 10_000];

/** `sha256=<hex>` over timestamp, a dot and the body. The timestamp is in seconds since 1970. */
export function wakeUpSignature(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/**
 * Calls products that gave a callback URL, so that they poll now. No content travels in the call: a forged one can cause a
 * poll and nothing else. Redirects are not followed, answers not read.
 */
@Injectable()
export class WakeUpCalls implements OnModuleDestroy {
  private readonly limit = pLimit(PARALLEL);
  private readonly waiting = new Set<string>();
  private readonly stopped = new AbortController();

  constructor(
    private readonly agents: AgentRepository,
    private readonly networks: WakeUpNetworks,
    private readonly secrets: SecretBox,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleDestroy(): void {
    this.stopped.abort();
    this.limit.clearQueue();
  }

  /**
   * Resolves when the calls are queued; they are made in the background. One that waits does for all that comes up meanwhile; one that is
   * being made does not: the product may have polled for it already.
   */
  async call(controllerIds: readonly string[]): Promise<void> {
    const callbacks = controllerIds.length === 0 ? [] : await this.agents.callbacks(controllerIds);
    for (const { controllerId, url, secret } of callbacks) {
      if (this.waiting.has(controllerId) || this.waiting.size >= MAX_WAITING) continue;
      this.waiting.add(controllerId);
      void this.try(controllerId, url, secret, 0);
    }
  }

  private async try(controllerId: string, url: string, sealed: string, failures: number): Promise<void> {
    try {
      await this.limit(() => {
        this.waiting.delete(controllerId);
        return this.send(controllerId, url, this.secrets.unseal(sealed));
      });
    } catch (thrown) {
      // Another call of the same product waits: that one does for this.
      if (this.stopped.signal.aborted || this.waiting.has(controllerId)) return;
      const { code, message, kind } = toAppError(thrown);
      const pause = kind === 'forbidden' ? undefined : PAUSES_MS[failures];
      if (pause === undefined) {
        this.logger.info(
          { agent: controllerId, code },
          `no wake-up call reached the product: ${message} It polls anyway.`,
        );
        return;
      }
      this.waiting.add(controllerId);
      setTimeout(() => void this.try(controllerId, url, sealed, failures + 1), pause).unref();
    }
  }

  private async send(controllerId: string, text: string, secret: string): Promise<void> {
    const url = this.networks.checkUrl(text);
    const pinned = await this.networks.resolve(url);
    const body = JSON.stringify({ controllerId });
    const timestamp = String(Math.floor(this.clock.now().getTime() / 1000));
    // The connection goes to the address that was checked; TLS still verifies the name.
    const dispatcher = new HttpAgent({
      connect: {
        timeout: TIMEOUT_MS,
        lookup: (_host, options, done) =>
          options.all === true ? done(null, [pinned] as never) : done(null, pinned.address, pinned.family),
      },
    });
    try {
      const answer = await request(url, {
        method: 'POST',
        dispatcher,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        signal: this.stopped.signal,
        headers: {
          'content-type': 'application/json',
          'x-haishin-timestamp': timestamp,
          'x-haishin-signature': wakeUpSignature(secret, timestamp, body),
        },
        body,
      });
      answer.body.on('error', () => undefined).destroy();
      if (answer.statusCode >= 500) throw new Error(`the product answered ${answer.statusCode}`);
    } finally {
      void dispatcher.destroy();
    }
  }
}
