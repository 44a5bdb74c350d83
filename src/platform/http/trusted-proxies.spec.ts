import { OWN_PROCESS } from './own-process.js';
import { believedPeers, trustedProxies } from './trusted-proxies.js';

describe('trusted proxies', () => {
  const networks = ['10.0.0.1', '192.168.0.0/16', 'fd00::/8'];

  it('are those that are named', () => {
    const isProxy = trustedProxies(networks);
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '192.168.7.7', 'fd00::1'])
      expect(isProxy(address)).toBe(true);
    for (const address of ['10.0.0.2', '192.169.0.1', 'fe00::1', 'unknown']) expect(isProxy(address)).toBe(false);
  });

  it('are not those without an address: a client that has gone has none', () => {
    for (const list of [[], networks])
      for (const address of [undefined, '', OWN_PROCESS]) {
        expect(trustedProxies(list)(address)).toBe(false);
        expect(believedPeers(list)(address, 0)).toBe(address === OWN_PROCESS);
      }
  });

  it('do not become our own process by what a header says', () => {
    expect(believedPeers(networks)(OWN_PROCESS, 1)).toBe(false);
  });
});
