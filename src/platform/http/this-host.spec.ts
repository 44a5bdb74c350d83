import type { IncomingMessage } from 'node:http';
import { OWN_PROCESS } from './own-process.js';
import { isFromThisHost } from './this-host.js';

const request = (remoteAddress: string | undefined, headers: Record<string, string> = {}): IncomingMessage =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;
const forwarded = (clients: string): Record<string, string> => ({ 'x-forwarded-for': clients });

describe('a request from this host', () => {
  it.each([
    ['over the loopback', '127.0.0.1', {}],
    ['over the loopback, as a listener for both families has it', '::ffff:127.0.0.1', {}],
    ['over the loopback of IPv6', '::1', {}],
    ['by a proxy that says so', '127.0.0.1', forwarded('127.0.0.1')],
    ['by a content worker', OWN_PROCESS, forwarded('::1')],
  ])('is one %s', (_, peer, headers) => {
    expect(isFromThisHost(request(peer, headers))).toBe(true);
  });

  it.each([
    ['from elsewhere', '192.0.2.7', {}],
    ['from elsewhere that claims to be', '192.0.2.7', forwarded('127.0.0.1')],
    ['by a proxy here for somebody else', '127.0.0.1', forwarded('192.0.2.7')],
    ['by a proxy here for somebody who claims to be', '127.0.0.1', forwarded('127.0.0.1, 192.0.2.7')],
    ['by a proxy here that says it in another way', '127.0.0.1', { forwarded: 'for=192.0.2.7' }],
    ['by a content worker for somebody else', OWN_PROCESS, forwarded('127.0.0.1, 192.0.2.7')],
    ['by a content worker that does not say for whom', OWN_PROCESS, {}],
    ['whose connection has no address any more', undefined, {}],
  ])('is none %s', (_, peer, headers) => {
    expect(isFromThisHost(request(peer, headers))).toBe(false);
  });
});
