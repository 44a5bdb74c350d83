import type { IncomingMessage } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Registry } from 'prom-client';
import { ApiTokenService } from '../modules/accounts/accounts.api.js';
import type { AppError } from '../platform/errors/app-error.js';
import type { RequestHandler } from '../platform/http/listeners.js';
import { isFromThisHost } from '../platform/http/this-host.js';
import { createProbes } from './probes.js';
import type { Readiness } from './readiness.js';
import { answerUnavailable } from './unavailable.js';

export interface Control {
  readiness: Readiness;
  metrics: Registry;
  /** Null while there is no database. */
  application: () => NestFastifyApplication | null;
  /** Why there is none. */
  fault: () => AppError | null;
}

/** Answers everything but content. */
export function createControl({ readiness, metrics, application, fault }: Control): RequestHandler {
  const probes = createProbes(readiness, metrics, async (req) => isFromThisHost(req) || hasToken(req, application()));
  return (req, res) => {
    if (probes(req, res)) return;
    const app = application();
    if (app !== null) app.getHttpAdapter().getInstance().routing(req, res);
    else answerUnavailable(req, res, fault());
  };
}

async function hasToken({ headers }: IncomingMessage, app: NestFastifyApplication | null): Promise<boolean> {
  if (app === null || headers.authorization === undefined) return false;
  return app
    .get(ApiTokenService)
    .authenticate(headers.authorization)
    .then(
      () => true,
      () => false,
    );
}
