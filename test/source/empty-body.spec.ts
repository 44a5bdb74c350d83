import fastify, { type FastifyInstance } from 'fastify';
import { endEmptyBodies } from '../../src/platform/http/empty-body.js';
import { createForwarder, type Forwarder } from '../../src/platform/http/forwarding.js';
import { type Listeners, startListeners } from '../../src/platform/http/listeners.js';
import { startSocketListener } from '../../src/platform/http/socket-listener.js';
import { acceptForms, ACCEPTS_FORMS } from '../../src/platform/http/forms.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawExchange } from '../support/raw-http.js';

/** HTTP/1.1 without a length: there is no body, whatever type is named. */
const request = (method: string, path: string, type?: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`;

describe('requests without a body', () => {
  let directory: string;
  let app: FastifyInstance;
  let forwarder: Forwarder;
  let api: { close(graceMs: number): Promise<void> };
  let direct: Listeners;
  let forwarding: Listeners;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-empty-'));
    app = fastify();
    endEmptyBodies(app);
    acceptForms(app);
    app.post('/json', (_request, reply) => reply.send('done'));
    app.get('/json', (_request, reply) => reply.send('read'));
    app.post('/form', { config: ACCEPTS_FORMS }, async (request, reply) => {
      for await (const part of request.parts()) void part;
      return reply.send('no part');
    });
    await app.ready();
    const socketPath = join(directory, 'run', 'api.sock');
    api = await startSocketListener(socketPath, (req, res) => app.routing(req, res));
    forwarder = createForwarder(socketPath);
    const address = { host: '127.0.0.1', httpPort: 0, httpsPort: 'off' as const };
    direct = await startListeners({ ...address, handler: (req, res) => app.routing(req, res) });
    forwarding = await startListeners({ ...address, handler: forwarder.handler });
  });

  afterAll(async () => {
    await Promise.all([direct.close(0), forwarding.close(0)]);
    forwarder.close();
    await api.close(0);
    await app.close();
    await rm(directory, { recursive: true, force: true });
  });

  describe.each([
    ['asked directly', () => direct],
    ['handed on by a content worker', () => forwarding],
  ])('%s', (_name, listeners) => {
    it.each([
      ['POST', undefined, 200, 'done'],
      ['GET', undefined, 200, 'read'],
      ['GET', 'application/json', 200, 'read'],
      ['POST', 'application/json', 400, 'Body cannot be empty'],
      ['POST', 'text/xml', 415, 'Unsupported Media Type'],
    ])('%s with the type %s is answered %d', async (method, type, status, text) => {
      const answer = await rawExchange(listeners().httpUrl ?? '', request(method, '/json', type));
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*${text}`));
    });

    it('a form that has not come has no parts, and an end', async () => {
      const type = 'multipart/form-data; boundary=x';
      const answer = await rawExchange(listeners().httpUrl ?? '', request('POST', '/form', type));
      expect(answer).toMatch(/^HTTP\/1.1 200 [^]*no part/);
    });
  });
});
