import { AppError, type ErrorKind } from '../errors/app-error.js';

/** RFC 9457 problem details, as every error of the API is answered. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  requestId: string;
  [extension: string]: unknown;
}

const STATUS: Record<ErrorKind, number> = {
  'bad-input': 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  gone: 410,
  'too-large': 413,
  'media-type': 415,
  'too-many': 429,
  unprocessable: 422,
  internal: 500,
  upstream: 502,
  unavailable: 503,
  storage: 507,
};

const TITLE: Record<ErrorKind, string> = {
  'bad-input': 'Bad request',
  unauthenticated: 'Not authenticated',
  forbidden: 'Not allowed',
  'not-found': 'Not found',
  conflict: 'Conflict',
  gone: 'Gone',
  'too-large': 'Too large',
  'media-type': 'Kind of body not taken',
  'too-many': 'Too many requests',
  unprocessable: 'Cannot be done',
  internal: 'Internal fault',
  upstream: 'The update source failed',
  unavailable: 'Not available now',
  storage: 'Storage failed',
};

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Shapes an error for the outside. Details of the occurrence become extension members. */
export function toProblem(error: AppError, requestId: string): Problem {
  return {
    ...error.details,
    type: `urn:haishin:error:${error.code}`,
    title: TITLE[error.kind],
    status: STATUS[error.kind],
    code: error.code,
    detail: error.message,
    requestId,
  };
}
