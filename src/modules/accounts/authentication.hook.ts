import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../platform/errors/app-error.js';
import type { ProblemFilter } from '../../platform/http/problem.filter.js';
import type { Actor, ApiTokenService } from './api-token.service.js';

declare module 'fastify' {
  interface FastifyRequest {
    actor?: Actor;
  }
}

const API = /^\/api\/v1(?:[/?]|$)/i;
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Nothing below `/api/v1` is looked at before the token: not the path, not the body.
 * Viewers may read; everything else needs an operator or an administrator.
 * @throws AppError `token-missing`, `token-invalid`, `role-insufficient`.
 */
export async function admit(request: FastifyRequest, tokens: ApiTokenService): Promise<void> {
  // The router decodes the path: `/%61pi/v1` is the same route. What it found counts, and for unknown paths the text as sent.
  if (!API.test(request.routeOptions.url ?? '') && !API.test(request.raw.url ?? '')) return;
  request.actor = await tokens.authenticate(request.headers.authorization);
  request.caller = request.actor.tokenId;
  if (request.actor.role === 'viewer' && !READING.has(request.method))
    throw new AppError('forbidden', 'role-insufficient.read-only');
}

export function requireToken(fastify: FastifyInstance, tokens: ApiTokenService, filter: ProblemFilter): void {
  fastify.decorateRequest('actor', undefined);
  fastify.decorateRequest('caller', undefined);
  fastify.addHook('onRequest', async (request, reply) => {
    try {
      await admit(request, tokens);
    } catch (thrown) {
      filter.answer(thrown, request, reply);
      return reply;
    }
    return undefined;
  });
}

/** The authenticated caller; the hook has run before any controller. */
export function actorOf(request: FastifyRequest): Actor {
  if (request.actor === undefined) throw new AppError('unauthenticated', 'token-missing');
  return request.actor;
}
