import type { IncomingHttpHeaders } from 'node:http';
import type { IndexEntry } from './published-index.js';

type Validators = Pick<IndexEntry, 'etag' | 'lastModified' | 'lastModifiedMs'>;

/** What the conditional headers ask for (RFC 9110 §13.2.2): go on, 304 or 412. */
export type PreconditionAnswer = 'proceed' | 'not-modified' | 'failed';

export function evaluatePreconditions(headers: IncomingHttpHeaders, entry: Validators): PreconditionAnswer {
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined) {
    if (!listHas(ifMatch, entry.etag, 'strong')) return 'failed';
  } else {
    const since = httpDate(headers['if-unmodified-since']);
    if (since !== null && entry.lastModifiedMs > since) return 'failed';
  }
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) {
    // The usual poll: one tag, and it is the right one.
    if (ifNoneMatch === entry.etag) return 'not-modified';
    return listHas(ifNoneMatch, entry.etag, 'weak') ? 'not-modified' : 'proceed';
  }
  const since = httpDate(headers['if-modified-since']);
  return since !== null && entry.lastModifiedMs <= since ? 'not-modified' : 'proceed';
}

/** Whether a `Range` may be honoured: `If-Range` is absent, or names exactly this content (strong comparison). */
export function rangeApplies(ifRange: string | string[] | undefined, entry: Validators): boolean {
  if (ifRange === undefined) return true;
  if (Array.isArray(ifRange)) return false;
  const value = ifRange.trim();
  return value === entry.etag || value === entry.lastModified;
}

// One entity tag, with the weak mark apart; commas inside the quotes belong to the tag.
const ENTITY_TAG = /(W\/)?("[^"]*")/g;

function listHas(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  for (const [, weak, tag] of header.matchAll(ENTITY_TAG))
    if (tag === etag && (comparison === 'weak' || weak === undefined)) return true;
  return false;
}

// The three forms of RFC 9110 §5.6.7 begin with the name of a day; Date.parse alone would take almost anything.
const LOOKS_LIKE_A_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d{2}:\d{2}:\d{2}/i;

function httpDate(header: string | string[] | undefined): number | null {
  if (typeof header !== 'string' || !LOOKS_LIKE_A_DATE.test(header)) return null;
  // The asctime form names no zone; HTTP dates are always GMT.
  const time = Date.parse(/GMT\s*$/i.test(header) ? header : `${header} GMT`);
  return Number.isNaN(time) ? null : time;
}
