import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors/app-error.js';

/**
 * Bodies are JSON, and forms where a route takes them: what the framework would make of texts and of query strings as bodies is
 * read by nobody. Many clients name a type with every request; where nothing follows there is no body. One that is not UTF-8 is
 * refused, as names would be kept with U+FFFD in them.
 */
export function acceptJson(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) done(null);
    else if (!isUtf8(body)) done(new AppError('bad-input', 'body-not-utf8'));
    else void parse(request, body.toString(), done);
  });
}
