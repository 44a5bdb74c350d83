import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface StubFile {
  readonly name: string;
  readonly content: Buffer;
  /** What the server announces instead of the truth. */
  readonly announce?: { size?: number; sha256?: string };
  /** The connection is cut after so many bytes, so many times. */
  cut?: { after: number; times: number };
  /** After the first bytes the rest waits until `release` is called. */
  gate?: Promise<void>;
  etag?: string | null;
}

/** Sends a file, or the rest of it, and lets go wrong on the way what is to. */
export async function sendFile(file: StubFile, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const etag = file.etag === undefined ? `"${sha256(file.content)}"` : file.etag;
  const headers: Record<string, string> = etag === null ? {} : { etag };
  if (etag !== null && request.headers['if-none-match'] === etag) return void response.writeHead(304, headers).end();
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const partial = range !== null && request.headers['if-range'] === etag;
  const start = partial ? Number(range[1]) : 0;
  const rest = file.content.subarray(start);
  headers['content-length'] = String(rest.length);
  if (partial) headers['content-range'] = `bytes ${start}-${file.content.length - 1}/${file.content.length}`;
  response.writeHead(partial ? 206 : 200, headers);
  if (request.method === 'HEAD') return void response.end();
  if (file.cut && file.cut.times > 0) {
    file.cut.times -= 1;
    response.write(rest.subarray(0, file.cut.after), () => response.destroy());
    return;
  }
  if (file.gate) {
    response.write(rest.subarray(0, Math.ceil(rest.length / 2)));
    await Promise.race([file.gate, once(response, 'close')]);
    return void response.end(rest.subarray(Math.ceil(rest.length / 2)));
  }
  response.end(rest);
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Content that no other call gives. */
export function uniqueContent(size: number): Buffer {
  const content = Buffer.alloc(size, `${randomUUID()}\n`);
  return content;
}
