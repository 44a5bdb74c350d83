import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../platform/errors/app-error.js';
import { texts } from '../platform/texts/texts.js';
import { problemHeaders, problemLanguage, toProblem } from '../platform/http/problem.js';

/** The answer of everything but content while there is no application. @param fault why there is none; null: not known yet */
export function answerUnavailable(req: IncomingMessage, res: ServerResponse, fault: AppError | null): void {
  const error =
    fault === null
      ? new AppError('unavailable', 'starting')
      : new AppError('unavailable', {
          code: fault.code === 'internal' ? 'starting' : fault.code,
          text: texts('problem.database-not-usable'),
        });
  const language = problemLanguage(req.headers['accept-language']);
  const body = JSON.stringify(toProblem(error, crypto.randomUUID(), language));
  res.writeHead(503, {
    ...problemHeaders(language),
    'cache-control': 'no-store',
    'retry-after': '5',
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}
