import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppModule, type Runtime } from '../app.module.js';
import { toDatabaseError } from '../database/database.errors.js';
import { admit, ApiTokenService, requireToken } from '../modules/accounts/accounts.api.js';
import { endEmptyBodies } from '../platform/http/empty-body.js';
import { acceptForms } from '../platform/http/forms.js';
import { acceptJson } from '../platform/http/json-body.js';
import { ProblemFilter } from '../platform/http/problem.filter.js';
import { withinRequest } from '../platform/http/request-context.js';
import { believedPeers } from '../platform/http/trusted-proxies.js';
import { validationPipe } from '../platform/http/validation.js';
import type { Logger } from '../platform/logging/logger.js';
import { installOpenApi } from './openapi.js';

/** Largest JSON body; uploads are streamed and have their own limit. */
const BODY_LIMIT = 1024 * 1024;

/** Nest's own messages, in the one log. */
function nestLogger(logger: Logger): LoggerService {
  return {
    log: (message: unknown, context?: unknown) => logger.debug({ context }, String(message)),
    debug: (message: unknown, context?: unknown) => logger.trace({ context }, String(message)),
    verbose: (message: unknown, context?: unknown) => logger.trace({ context }, String(message)),
    warn: (message: unknown, context?: unknown) => logger.warn({ context }, String(message)),
    error: (message: unknown, stack?: unknown) => logger.error({ stack }, String(message)),
    fatal: (message: unknown) => logger.fatal(String(message)),
  };
}

function markAnswer(request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('x-request-id', request.id);
  void reply.header('x-content-type-options', 'nosniff');
  // Routes whose answers may be kept say so themselves. Of an answer without a word a cache decides by its own rules.
  void reply.header('cache-control', 'no-store');
}

/** Builds the application behind the listeners. It opens no port: `routing` is handed requests. */
export async function createApplication(runtime: Runtime): Promise<NestFastifyApplication> {
  const filter = new ProblemFilter(runtime.logger, toDatabaseError);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: believedPeers(runtime.config.trustedProxies),
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    genReqId: () => crypto.randomUUID(),
    // A path that no route can be looked up for, such as `/%zz`; no hook runs for it.
    frameworkErrors: (fault: Error, request: FastifyRequest, reply: FastifyReply) => {
      markAnswer(request, reply);
      const answer = (thrown: unknown): void => filter.answer(thrown, request, reply);
      void admit(request, app.get(ApiTokenService)).then(() => answer(fault), answer);
    },
    logger: false,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(runtime), adapter, {
    logger: nestLogger(runtime.logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.useGlobalFilters(filter);
  app.useGlobalPipes(validationPipe);
  const fastify = adapter.getInstance();
  fastify.addHook('onRequest', async (request, reply) => markAnswer(request, reply));
  // The last hook: one before the body is read would be forgotten while it arrives.
  fastify.addHook('preHandler', (request, _reply, done) => withinRequest(request.id, done));
  requireToken(fastify, app.get(ApiTokenService), filter);
  endEmptyBodies(fastify);
  acceptJson(fastify);
  acceptForms(fastify);
  installOpenApi(app);
  try {
    await app.init();
    await fastify.ready();
  } catch (fault) {
    // Half of it may have begun to tick already.
    await app.close().catch((err: unknown) => runtime.logger.debug({ err }, 'what had started did not close cleanly'));
    throw fault;
  }
  return app;
}
