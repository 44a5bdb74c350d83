import { createServer, type IncomingMessage } from 'node:http';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createForwarder } from '../../src/platform/http/forwarding.js';
import { startListeners } from '../../src/platform/http/listeners.js';

describe('a client certificate through a content worker', () => {
  it('is told by us alone, whatever the client says', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'haishin-cn-'));
    const openssl = (...words: string[]): void =>
      void execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca');
    for (const [name, subject, ca] of [
      ['server', '/CN=localhost', 'ca'],
      ['client', '/CN=mx ü', 'ca'],
      ['foreign', '/CN=mx1', null],
    ] as const)
      openssl(
        'req',
        '-x509',
        '-utf8',
        ...key,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
        '-subj',
        subject,
        ...(ca ? ['-CA', 'ca.pem', '-CAkey', 'ca.key'] : []),
      );
    const read = (name: string): Buffer => readFileSync(join(directory, name));
    const seen: IncomingMessage[] = [];
    const inner = createServer((req, res) => {
      seen.push(req);
      res.end('ok');
    }).listen(join(directory, 'api.sock'));
    await once(inner, 'listening');
    const forwarder = createForwarder(join(directory, 'api.sock'));
    const listeners = await startListeners({
      host: '127.0.0.1',
      httpPort: 'off',
      httpsPort: 0,
      tls: { cert: read('server.pem'), key: read('server.key') },
      clientCa: read('ca.pem'),
      handler: forwarder.handler,
    });
    const ask = async (
      client: { cert: Buffer; key: Buffer } | undefined,
      session?: Buffer,
    ): Promise<Buffer | undefined> => {
      const socket: TLSSocket = tlsConnect({
        port: Number(new URL(listeners.httpsUrl ?? '').port),
        rejectUnauthorized: false,
        ...client,
        ...(session ? { session } : {}),
      });
      let ticket: Buffer | undefined;
      socket.on('session', (data: Buffer) => (ticket = data));
      await once(socket, 'secureConnect');
      socket.write('GET / HTTP/1.1\r\nHost: h\r\nX-Haishin-Client-Cn: forged\r\nConnection: close\r\n\r\n');
      socket.resume();
      await once(socket, 'close');
      return ticket;
    };
    const told = (): unknown => seen.at(-1)?.headers['x-haishin-client-cn'];
    try {
      const anonymous = await ask(undefined);
      expect(told()).toBeUndefined();
      // A resumed session without a certificate counts as authorised in Node; it has no name all the same.
      await ask(undefined, anonymous);
      expect(told()).toBeUndefined();
      await ask({ cert: read('foreign.pem'), key: read('foreign.key') });
      expect(told()).toBeUndefined();
      const ticket = await ask({ cert: read('client.pem'), key: read('client.key') });
      expect(decodeURIComponent(String(told()))).toBe('mx ü');
      await ask({ cert: read('client.pem'), key: read('client.key') }, ticket);
      expect(decodeURIComponent(String(told()))).toBe('mx ü');
    } finally {
      await listeners.close(100);
      forwarder.close();
      inner.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
