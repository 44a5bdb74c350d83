import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { onSaidAll } from '../../../platform/http/half-closed.js';
import { Clock } from '../../../platform/clock/clock.js';
import { AgentDirectory, type KnownAgent } from '../agent-directory.js';
import { Contacts } from './contacts.js';
import { DdiAuthentication, type AuthenticatedAgent } from './ddi-authentication.js';
import { HeldPolls } from '../held-polls.js';
import { baseAnswer, type BaseAnswer } from './base-resource.js';

/** Longest hold; what a client wishes beyond is cut. Seconds. */
const MAX_WAIT = 120;
const WAIT = /(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[;,]|$)/i;
const HAL = 'application/hal+json;charset=utf-8';

/** Answers polls: at once, or when there is something (RFC 7240 `Prefer: wait`). */
@Injectable()
export class PollHandler {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly authentication: DdiAuthentication,
    private readonly contacts: Contacts,
    private readonly held: HeldPolls,
    private readonly clock: Clock,
  ) {}

  async answer(
    product: AuthenticatedAgent,
    own: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    let { agent } = product;
    const known = request.headers['if-none-match'];
    const wait = waitSeconds(request.headers.prefer);
    if (wait > 0) {
      void reply.header('preference-applied', 'wait');
      if (!worthTelling(this.look(agent, own), known) && this.held.openFor(agent.controllerId)) {
        const now = await this.hold(product, own, known, wait, request);
        if (now === null) return reply.code(401).send();
        if (now.approval === 'blocked') return reply.code(403).send();
        agent = now;
        this.contacts.heard(agent.controllerId, request);
      }
    }
    const answer = this.look(agent, own);
    void reply.header('etag', answer.etag).header('cache-control', 'private, no-cache');
    if (matches(known, answer.etag)) return reply.code(304).send();
    return reply.code(200).header('content-type', HAL).send(answer.body);
  }

  private look(agent: KnownAgent, own: string): BaseAnswer {
    return baseAnswer(agent, own, this.directory.runsOwnUpdate(agent));
  }

  /** The product when there is something, or the time is over; null when it may not ask any more: whoever waits may lose that meanwhile. */
  private async hold(
    product: AuthenticatedAgent,
    own: string,
    known: string | undefined,
    wait: number,
    request: FastifyRequest,
  ): Promise<KnownAgent | null> {
    let over = false;
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const stop = (): void => {
      over = true;
      end();
    };
    const timer = setTimeout(stop, wait * 1000);
    const takeBack = onSaidAll(request.raw.socket, stop);
    try {
      for (;;) {
        // First in the list, then the look: what changes in between wakes us.
        const poll = this.held.enter(product.agent.controllerId);
        let turning: NodeJS.Timeout | undefined;
        try {
          const agent = await this.authentication.again(product);
          if (agent === null || agent.approval === 'blocked') return agent;
          if (over || worthTelling(this.look(agent, own), known) || !this.held.open) return agent;
          await Promise.race([poll.woken, ended, this.turn(agent, (timer) => (turning = timer))]);
        } finally {
          clearTimeout(turning);
          poll.leave();
        }
      }
    } finally {
      clearTimeout(timer);
      takeBack();
    }
  }

  /** Resolves when the product's work changes by itself; never, when that is not soon. */
  private turn({ work }: KnownAgent, started: (timer: NodeJS.Timeout) => void): Promise<void> {
    return new Promise((resolve) => {
      if (work.changesAt === null) return;
      started(setTimeout(resolve, Math.max(0, work.changesAt.getTime() - this.clock.now().getTime())));
    });
  }
}

/** Seconds of `Prefer: wait=N`; 0 without it. */
export function waitSeconds(prefer: string | string[] | undefined): number {
  const text = Array.isArray(prefer) ? prefer.join(',') : prefer;
  const wished = WAIT.exec(text ?? '')?.[1];
  return wished === undefined ? 0 : Math.min(Number(wished), MAX_WAIT);
}

/** Something that this client does not know already. */
function worthTelling(answer: BaseAnswer, known: string | undefined): boolean {
  return answer.something && !matches(known, answer.etag);
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch === etag) return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
