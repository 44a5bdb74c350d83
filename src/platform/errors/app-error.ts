import { types } from 'node:util';
import { sameInAll, type KeyUnder, type Language, type Sentence, texts } from '../texts/texts.js';

/** What kind of fault it is; the HTTP status follows from it (see problem.filter.ts). */
export type ErrorKind =
  | 'bad-input' // 400: the caller sent something that cannot be accepted
  | 'unauthenticated' // 401
  | 'forbidden' // 403
  | 'not-found' // 404
  | 'conflict' // 409: true now, may pass
  | 'gone' // 410
  | 'too-large' // 413
  | 'media-type' // 415: a body of a kind that is not taken here
  | 'too-many' // 429: more than we can take just now; the same again later is welcome
  | 'unprocessable' // 422: well-formed, but it cannot be done
  | 'upstream' // 502: the other side is at fault
  | 'unavailable' // 503: we cannot work just now
  | 'storage' // 507: disk full, read-only or failing
  | 'internal'; // 500

/**
 * Names a sentence of the catalogue (`error.…` there): the code itself, or `code.variant` where a code has several sentences.
 */
export type ErrorText = KeyUnder<'error.'>;
/** Every code there is; one without its texts in both languages fails the build. */
export type ErrorCode = ErrorText extends infer T ? (T extends `${infer Code}.${string}` ? Code : T) : never;

/** A code with its sentence: another error, or one that was stored or came from another process. */
export interface Said {
  readonly code: string;
  readonly text: Sentence;
}

type Details = Record<string, unknown>;

export interface AppErrorOptions {
  /** Facts of this occurrence, safe to show: paths, sizes, ids. Never secrets. Where some are words for people: by language. */
  details?: Details | ((language: Language) => Details);
  /** What the sentence has beside the details. A value that is itself a `Sentence` is said in the same language. */
  values?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * The one error class of the project. `code` is stable, kebab-case, documented and never reused with another meaning;
 * `text` is a sentence for a person in every language, `message` the English one.
 */
export class AppError extends Error implements Said {
  readonly code: string;
  readonly details: Details;
  // Not among what the log writes of an error: it has `message` and `details`.
  readonly #text: Sentence;
  readonly #detailsIn: (language: Language) => Details;

  /** @param said the sentence of the catalogue; or whose code and sentence this has as well */
  constructor(
    readonly kind: ErrorKind,
    said: ErrorText | Said,
    { details: given = {}, values = {}, cause }: AppErrorOptions = {},
  ) {
    const detailsIn = typeof given === 'function' ? given : () => given;
    const details = detailsIn('en');
    const { code, text } = typeof said === 'string' ? saying(said, { ...details, ...values }) : said;
    super(text.en, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
    this.details = details;
    this.#text = text;
    this.#detailsIn = detailsIn;
  }

  get text(): Sentence {
    return this.#text;
  }

  detailsIn(language: Language): Details {
    return this.#detailsIn(language);
  }
}

/** A code with its sentence, for where nothing is thrown. */
export function saying(said: ErrorText, values: Record<string, unknown> = {}): Said & { code: ErrorCode } {
  const [code] = said.split('.') as [ErrorCode];
  return { code, text: texts(`error.${said}`, () => values) };
}

/** What is kept of an error in a record. */
export interface Fault extends Said {
  /** The English sentence. */
  readonly message: string;
}

export function faultOf({ code, text }: Said): Fault {
  return { code, message: text.en, text };
}

/** Records from before errors had texts in several languages have the English sentence alone. */
export type StoredFault = Omit<Fault, 'text'> & Partial<Pick<Fault, 'text'>>;

export function storedFault({ code, message, text = sameInAll(message) }: StoredFault): Fault {
  return { code, message, text };
}

/** Turns anything thrown into an AppError; system errors of the disk get their own codes. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  // Not `instanceof`: errors of Node's own modules may come from another realm (under Jest they always do).
  const cause = types.isNativeError(thrown) ? thrown : new Error(String(thrown));
  const { code: errno, path } = cause as NodeJS.ErrnoException;
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return new AppError('storage', 'disk-full', { cause });
  if (errno === 'EROFS') return new AppError('storage', 'disk-read-only', { cause });
  if (errno === 'EACCES' || errno === 'EPERM')
    return path === undefined
      ? new AppError('storage', 'disk-permission', { cause })
      : new AppError('storage', 'disk-permission.of-path', { details: { path }, cause });
  if (errno === 'EIO') return new AppError('storage', 'disk-failure', { cause });
  return new AppError('internal', 'internal', { cause });
}
