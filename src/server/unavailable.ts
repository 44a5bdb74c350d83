import type { ServerResponse } from 'node:http';
import { AppError } from '../platform/errors/app-error.js';
import { PROBLEM_MEDIA_TYPE, toProblem } from '../platform/http/problem.js';

/** The answer of everything but content while there is no application. @param fault why there is none; null: not known yet */
export function answerUnavailable(res: ServerResponse, fault: AppError | null): void {
  const error = new AppError(
    'unavailable',
    fault === null || fault.code === 'internal' ? 'starting' : fault.code,
    `${fault === null ? 'The server is starting.' : 'The database cannot be used yet (GET /readyz says why); it is tried again.'} Content is served already. Try again soon.`,
  );
  const body = JSON.stringify(toProblem(error, crypto.randomUUID()));
  res.writeHead(503, {
    'content-type': PROBLEM_MEDIA_TYPE,
    'cache-control': 'no-store',
    'retry-after': '5',
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}
