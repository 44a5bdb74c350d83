import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a request asked and got; for tests that count requests and for the console. */
export interface RequestLog {
  method: string;
  /** Path and query as requested. */
  path: string;
  range?: string;
  ifNoneMatch?: string;
  userAgent?: string;
  /** 0 while no answer has been started. */
  status: number;
}

/** A body with its validators, whatever it was made from. */
export interface SampleBody {
  content: Buffer;
  etag: string;
  lastModified: Date;
  contentType: string;
}

export interface SampleAnswer {
  status: number;
  headers: Record<string, string | number>;
  /** What follows the headers; empty for 304, 416 and HEAD. */
  bytes: Buffer;
}

/** Decides the answer to GET or HEAD: conditions (RFC 9110 §13), then a single byte range (§14); several ranges get all. */
export function answerFor(request: IncomingMessage, body: SampleBody): SampleAnswer {
  const validators = {
    ETag: body.etag,
    'Last-Modified': body.lastModified.toUTCString(),
    'Accept-Ranges': 'bytes',
  };
  if (isNotModified(request, body)) return { status: 304, headers: validators, bytes: Buffer.alloc(0) };
  const size = body.content.length;
  const range = rangeOf(request, body);
  if (range === 'unsatisfiable')
    return {
      status: 416,
      headers: { 'Content-Range': `bytes */${size}`, 'Content-Length': 0 },
      bytes: Buffer.alloc(0),
    };
  const [start, end] = range ?? [0, size - 1];
  const part = body.content.subarray(start, end + 1);
  const headers: SampleAnswer['headers'] = {
    ...validators,
    'Content-Type': body.contentType,
    'Content-Length': part.length,
  };
  if (range) headers['Content-Range'] = `bytes ${start}-${end}/${size}`;
  return { status: range ? 206 : 200, headers, bytes: request.method === 'HEAD' ? Buffer.alloc(0) : part };
}

export function sendAnswer(response: ServerResponse, log: RequestLog, answer: SampleAnswer): void {
  log.status = answer.status;
  response.writeHead(answer.status, answer.headers);
  response.end(answer.bytes);
}

export function sendPlain(
  response: ServerResponse,
  log: RequestLog,
  status: number,
  headers: Record<string, string> = {},
): void {
  sendAnswer(response, log, {
    status,
    headers: { 'Content-Type': 'text/plain', ...headers },
    bytes: Buffer.from(`${status}\n`),
  });
}

function isNotModified(request: IncomingMessage, body: SampleBody): boolean {
  const ifNoneMatch = request.headers['if-none-match'];
  if (ifNoneMatch !== undefined)
    return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === body.etag);
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && wholeSeconds(body.lastModified) <= since;
}

function rangeOf(request: IncomingMessage, body: SampleBody): [number, number] | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range?.trim() ?? '');
  if (!match || request.method !== 'GET' || !validatorHolds(request.headers['if-range'], body)) return undefined;
  const [, first = '', last = ''] = match;
  const size = body.content.length;
  if (first === '') {
    const suffix = Math.min(Number(last), size);
    if (last === '') return undefined;
    return suffix === 0 ? 'unsatisfiable' : [size - suffix, size - 1];
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : [start, end];
}

function validatorHolds(ifRange: string | string[] | undefined, body: SampleBody): boolean {
  if (ifRange === undefined) return true;
  const validator = String(ifRange).trim();
  return validator.startsWith('"')
    ? validator === body.etag
    : Date.parse(validator) === wholeSeconds(body.lastModified);
}

function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000;
}
