import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  answerFor,
  type RequestLog,
  type SampleAnswer,
  type SampleBody,
  sendAnswer,
  sendPlain,
} from '../../src/sample-upstream/sample-answer.js';

/** One thing that goes wrong with a request. Byte counts are of the body. */
export type Fault =
  /** The connection is cut before any answer. To refuse connections altogether: `refuseConnections()`. */
  | { kind: 'reset' }
  | { kind: 'hang-before-headers' }
  | { kind: 'hang-mid-body'; afterBytes: number }
  | { kind: 'drip'; bytesPerSecond: number }
  /** Right headers but no length, and a body that goes on until the client leaves. */
  | { kind: 'endless' }
  /** Content-Length is off by `deltaBytes`; the body is right. */
  | { kind: 'wrong-length'; deltaBytes: number }
  /** The connection is cut in mid-body. */
  | { kind: 'truncated'; afterBytes: number }
  /** Shorter or longer than the manifest says, and consistently so. */
  | { kind: 'resized'; deltaBytes: number }
  /** Right size, wrong bytes. */
  | { kind: 'corrupted' }
  | { kind: 'html-page' }
  /** `to` gets the path as requested appended, unless it is a function. */
  | { kind: 'redirect'; to: string | ((path: string) => string); status?: 301 | 302 | 303 | 307 | 308 }
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** Another body in place of the right one, with an ETag that follows from it, unless it keeps that of the right one; so much older. */
  | { kind: 'transform'; transform: (content: Buffer) => Buffer; ageSeconds?: number; keepsEtag?: true }
  /** A body made while it is sent, without Content-Length. */
  | { kind: 'stream'; chunks: (content: Buffer) => Iterable<Buffer> }
  /** The same ETag whatever the content. */
  | { kind: 'lying-etag'; etag: string }
  /** Something happens just before the (otherwise right) answer, e.g. `() => tree.publish(['virus-pattern'])`. */
  | { kind: 'before-answer'; run: () => void };

export interface FaultyExchange {
  request: IncomingMessage;
  response: ServerResponse;
  log: RequestLog;
  /** What would be right. */
  body: SampleBody;
  /** Responses that do not end by themselves, as long as they are there: whoever cuts them leaves nothing running. */
  unending: Set<ServerResponse>;
}

/** Answers a request with the fault in place of what would be right. */
export function misbehave(fault: Fault, { request, response, log, body, unending }: FaultyExchange): void {
  const right = answerFor(request, body);
  const start = (answer: SampleAnswer): void => {
    log.status = answer.status;
    response.writeHead(answer.status, answer.headers);
  };
  switch (fault.kind) {
    case 'reset':
      request.socket.destroy();
      return;
    case 'hang-before-headers':
      untilGone(response, unending);
      return;
    case 'hang-mid-body':
      start(right);
      response.flushHeaders();
      response.write(right.bytes.subarray(0, fault.afterBytes));
      untilGone(response, unending);
      return;
    case 'drip':
      start(right);
      drip(response, unending, right.bytes, fault.bytesPerSecond);
      return;
    case 'endless':
      start({ ...right, headers: withoutLength(right.headers) });
      pour(response, unending, endlessly(right.bytes));
      return;
    case 'wrong-length':
      response.shouldKeepAlive = false;
      start({ ...right, headers: { ...right.headers, 'Content-Length': right.bytes.length + fault.deltaBytes } });
      response.end(right.bytes);
      return;
    case 'truncated':
      start(right);
      response.flushHeaders();
      response.write(right.bytes.subarray(0, fault.afterBytes), () => response.destroy());
      return;
    case 'resized':
      sendAnswer(response, log, answerFor(request, { ...body, content: resized(body.content, fault.deltaBytes) }));
      return;
    case 'corrupted':
      sendAnswer(response, log, answerFor(request, { ...body, content: corrupted(body.content) }));
      return;
    case 'html-page':
      sendAnswer(response, log, htmlPage);
      return;
    case 'redirect': {
      const location = typeof fault.to === 'function' ? fault.to(log.path) : fault.to + log.path;
      sendPlain(response, log, fault.status ?? 302, { Location: location });
      return;
    }
    case 'status':
      sendPlain(response, log, fault.status, fault.headers);
      return;
    case 'transform':
      sendAnswer(response, log, answerFor(request, transformed(body, fault)));
      return;
    case 'stream':
      start({ status: 200, headers: { 'Content-Type': body.contentType }, bytes: Buffer.alloc(0) });
      pour(response, unending, fault.chunks(body.content)[Symbol.iterator]());
      return;
    case 'lying-etag':
      sendAnswer(response, log, answerFor(request, { ...body, etag: fault.etag }));
      return;
    case 'before-answer':
      sendAnswer(response, log, right);
      return;
  }
}

function untilGone(response: ServerResponse, unending: Set<ServerResponse>): void {
  unending.add(response);
  response.once('close', () => unending.delete(response));
}

function drip(response: ServerResponse, unending: Set<ServerResponse>, bytes: Buffer, bytesPerSecond: number): void {
  response.flushHeaders();
  // Ten portions a second at most, one byte at least.
  const portion = Math.max(1, Math.floor(bytesPerSecond / 10));
  let at = 0;
  const timer = setInterval(
    () => {
      response.write(bytes.subarray(at, at + portion));
      at += portion;
      if (at >= bytes.length) {
        clearInterval(timer);
        response.end();
      }
    },
    (portion * 1000) / bytesPerSecond,
  );
  response.once('close', () => clearInterval(timer));
  untilGone(response, unending);
}

/** Sends as fast as the client reads, and no faster: memory stays flat. */
function pour(response: ServerResponse, unending: Set<ServerResponse>, chunks: Iterator<Buffer>): void {
  const more = (): void => {
    while (!response.destroyed) {
      const { done, value } = chunks.next();
      if (done) {
        response.end();
        return;
      }
      if (!response.write(value)) {
        response.once('drain', more);
        return;
      }
    }
  };
  untilGone(response, unending);
  more();
}

const page = Buffer.from('<!DOCTYPE html><html><body><h1>Sign in to the network</h1></body></html>\n');
const htmlPage: SampleAnswer = {
  status: 200,
  headers: { 'Content-Type': 'text/html', 'Content-Length': page.length },
  bytes: page,
};

/** Whether the fault is one of a file: others hit paths that do not exist as well, such as a redirect or 503 for anything. */
export function needsFile({ kind }: Fault): boolean {
  return !['reset', 'hang-before-headers', 'html-page', 'redirect', 'status', 'stream'].includes(kind);
}

function withoutLength(headers: SampleAnswer['headers']): SampleAnswer['headers'] {
  const { 'Content-Length': _length, ...rest } = headers;
  return rest;
}

function* endlessly(bytes: Buffer): Generator<Buffer, never> {
  yield bytes;
  const chunk = Buffer.alloc(65_536, 0x2e);
  for (;;) yield chunk;
}

function resized(content: Buffer, deltaBytes: number): Buffer {
  if (deltaBytes < 0) return content.subarray(0, Math.max(0, content.length + deltaBytes));
  return Buffer.concat([content, Buffer.alloc(deltaBytes)]);
}

/** Flips bits in the middle, where a ZIP has its member's data. */
function corrupted(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  const middle = Math.floor(copy.length / 2);
  for (let i = middle; i < Math.min(middle + 8, copy.length); i++) copy[i]! ^= 0xff;
  return copy;
}

function transformed(
  body: SampleBody,
  { transform, ageSeconds = 0, keepsEtag }: Extract<Fault, { kind: 'transform' }>,
): SampleBody {
  const content = transform(body.content);
  const lastModified = new Date(body.lastModified.getTime() - ageSeconds * 1000);
  const etag = keepsEtag ? body.etag : `"${createHash('sha256').update(content).digest('hex').slice(0, 32)}"`;
  return { ...body, content, lastModified, etag };
}
