import type { FastifyInstance } from 'fastify';

/**
 * Bodies are JSON, and forms where a route takes them: what the framework would make of texts and of query strings as bodies is
 * read by nobody. Many clients name a type with every request; where nothing follows there is no body.
 */
export function acceptJson(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null);
    else void parse(request, body, done);
  });
}
