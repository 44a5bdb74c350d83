import type { IncomingMessage } from 'node:http';
import { OWN_PROCESS } from '../../../platform/http/own-process.js';
import { CertifiedNames } from './certified-name.js';

function request(remoteAddress: string | undefined, headers: Record<string, string>): IncomingMessage {
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe('the name of a certificate that somebody else verified', () => {
  const told = { 'x-haishin-client-cn': 'mx%201' };

  it('is believed of our own process, where there are authorities to verify by', () => {
    const names = new CertifiedNames({ clientCaFile: '/ca.pem', trustedProxies: [], clientCertHeader: undefined });
    expect(names.of(request(OWN_PROCESS, told))).toBe('mx 1');
    expect(names.of(request(OWN_PROCESS, { 'x-haishin-client-cn': '%zz' }))).toBeNull();
    expect(names.of(request(OWN_PROCESS, {}))).toBeNull();
    const without = new CertifiedNames({ clientCaFile: undefined, trustedProxies: [], clientCertHeader: undefined });
    expect(without.of(request(OWN_PROCESS, told))).toBeNull();
  });

  it('is not believed of anybody else, least of all of somebody without an address', () => {
    const names = new CertifiedNames({
      clientCaFile: '/ca.pem',
      trustedProxies: ['127.0.0.1'],
      clientCertHeader: 'X-CN',
    });
    for (const address of [undefined, '', '127.0.0.1', '10.0.0.1']) expect(names.of(request(address, told))).toBeNull();
  });

  it('is believed of a trusted proxy in the header that was named, also through a process of our own', () => {
    const names = new CertifiedNames({
      clientCaFile: undefined,
      trustedProxies: ['127.0.0.1'],
      clientCertHeader: 'X-Name',
    });
    const named = (from: string | undefined, via?: string): string | null =>
      names.of(request(from, { 'x-name': 'mx1', ...(via === undefined ? {} : { 'x-forwarded-for': via }) }));
    expect(named('127.0.0.1')).toBe('mx1');
    expect(named(OWN_PROCESS, '10.0.0.1, 127.0.0.1')).toBe('mx1');
    // The last one is who came to our process; the rest is what he said.
    expect(named(OWN_PROCESS, '127.0.0.1, 10.0.0.1')).toBeNull();
    expect(named(OWN_PROCESS)).toBeNull();
    expect(named('10.0.0.1', '127.0.0.1')).toBeNull();
    expect(named(undefined, '127.0.0.1')).toBeNull();
  });
});
