import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppError } from '../errors/app-error.js';
import { problemHeaders, problemLanguage, toProblem } from './problem.js';

const RETRY_SECONDS = '5';

/** Answers with a problem that passes, where there is no application to do so. */
export function answerProblem(req: IncomingMessage, res: ServerResponse, error: AppError): void {
  const language = problemLanguage(req.headers['accept-language']);
  const problem = toProblem(error, randomUUID(), language);
  const body = JSON.stringify(problem);
  res.writeHead(problem.status, {
    ...problemHeaders(language),
    'x-request-id': problem.requestId,
    'cache-control': 'no-store',
    'retry-after': RETRY_SECONDS,
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}
