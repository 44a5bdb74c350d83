import { negotiate } from '@fastify/accept-negotiator';
import type { AppError, ErrorKind } from '../errors/app-error.js';
import { type Language, text } from '../texts/texts.js';

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

const STATUS = {
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
} as const satisfies Record<ErrorKind, number>;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Shapes an error for the outside, for people who read that language. Details of the occurrence become extension members. */
export function toProblem(error: AppError, requestId: string, language: Language = 'en'): Problem {
  return {
    ...error.detailsIn(language),
    type: `urn:haishin:error:${error.code}`,
    title: text(language, `problem.title.${error.kind}`),
    status: STATUS[error.kind],
    code: error.code,
    detail: error.text[language],
    requestId,
  };
}

/** Goes with every problem. */
export function problemHeaders(language: Language): Record<string, string> {
  return { 'content-type': PROBLEM_MEDIA_TYPE, 'content-language': language, vary: 'Accept-Language' };
}

/** The language of an `Accept-Language` header that a problem is told in; English when it names none that there is. */
export function problemLanguage(acceptLanguage: string | undefined): Language {
  // The library compares whole tags: of `ja-JP` and `en-US` what counts here is the first part.
  const languages = (acceptLanguage ?? '').toLowerCase().replace(/([a-z]+)(-[a-z0-9]+)+/g, '$1');
  // Of two that are wanted alike the one that is named first.
  const offered: Language[] = languages.startsWith('ja') ? ['ja', 'en'] : ['en', 'ja'];
  return negotiate(languages, offered) ?? 'en';
}
