import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../platform/errors/app-error.js';
import { answerProblem } from '../platform/http/raw-problem.js';
import { texts } from '../platform/texts/texts.js';

/** The answer of everything but content while there is no application. @param fault why there is none; null: not known yet */
export function answerUnavailable(req: IncomingMessage, res: ServerResponse, fault: AppError | null): void {
  const error =
    fault === null
      ? new AppError('unavailable', 'starting')
      : new AppError('unavailable', {
          code: fault.code === 'internal' ? 'starting' : fault.code,
          text: texts('problem.database-not-usable'),
        });
  answerProblem(req, res, error);
}
