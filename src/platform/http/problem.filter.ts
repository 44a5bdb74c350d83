import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  AppError,
  type ErrorCode,
  type ErrorKind,
  type ErrorText,
  type Said,
  saying,
  toAppError,
} from '../errors/app-error.js';
import type { Logger } from '../logging/logger.js';
import { problemHeaders, problemLanguage, toProblem } from './problem.js';

const KIND_OF_STATUS: Record<number, [ErrorKind, ErrorText & ErrorCode]> = {
  400: ['bad-input', 'bad-request'],
  401: ['unauthenticated', 'unauthenticated'],
  403: ['forbidden', 'forbidden'],
  404: ['not-found', 'not-found'],
  405: ['bad-input', 'method-not-allowed'],
  409: ['conflict', 'conflict'],
  413: ['too-large', 'body-too-large'],
  415: ['media-type', 'unsupported-media-type'],
  429: ['too-many', 'too-many-requests'],
  503: ['unavailable', 'unavailable'],
};

/** Bytes of a body that is too large which are taken all the same, so that its sender hears why it is refused. */
const MOST_DROPPED = 64 * 1024 * 1024;

/** Gives faults of one outside thing (the database) their AppError; anything else it returns as it came. */
export type Translate = (thrown: unknown) => unknown;

/** Maps what frameworks, drivers and the disk throw to the one error class. */
export function classify(fault: unknown, translate: Translate = (it) => it): AppError {
  const thrown = translate(fault);
  if (thrown instanceof AppError) return thrown;
  const status =
    thrown instanceof HttpException ? thrown.getStatus() : (thrown as { statusCode?: number } | null)?.statusCode;
  if (status !== undefined && status !== 500) {
    const [kind, code] =
      KIND_OF_STATUS[status] ?? (status < 500 ? ['bad-input', 'bad-request'] : ['internal', 'internal']);
    return new AppError(kind, inItsWords(code, thrown), { cause: thrown });
  }
  return toAppError(thrown);
}

/** Of these the framework has less to say than the catalogue. */
const LESS_TO_SAY: ReadonlySet<string> = new Set(['not-found', 'unsupported-media-type']);

/** What the framework says is English. */
function inItsWords(code: ErrorText & ErrorCode, thrown: unknown): Said {
  const { text } = saying(code);
  const says = thrown instanceof Error && !LESS_TO_SAY.has(code);
  return { code, text: says ? { ...text, en: thrown.message } : text };
}

/** The one place where errors become responses. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly translate: Translate = (it) => it,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const error = classify(thrown, this.translate);
    if (error.kind === 'internal' || error.kind === 'storage')
      this.logger.error({ err: thrown, requestId: request.id, code: error.code }, error.message);
    if (reply.raw.headersSent) {
      // A half-sent body must end torn, never with JSON glued to it.
      reply.raw.destroy();
      return;
    }
    const language = problemLanguage(request.headers['accept-language']);
    const problem = toProblem(error, request.id, language);
    const retryAfter = error.details['retryAfterSeconds'] ?? (error.kind === 'unavailable' ? 5 : undefined);
    if (typeof retryAfter === 'number') void reply.header('retry-after', String(retryAfter));
    // A connection that is closed while its client still sends loses the answer on the way. What is bounded is read and dropped.
    if (problem.status === 413 && Number(request.headers['content-length']) <= MOST_DROPPED)
      void reply.removeHeader('connection');
    if (error.kind === 'unauthenticated') void reply.header('www-authenticate', 'Bearer realm="haishin"');
    void reply.status(problem.status).headers(problemHeaders(language)).send(JSON.stringify(problem));
  }
}
