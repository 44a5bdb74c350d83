import { BlockList, isIPv6 } from 'node:net';
import { OWN_PROCESS } from './own-process.js';

/** Whether an address is one of the configured addresses and networks. Whoever has none is not. */
export function trustedProxies(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => {
    if (address === undefined) return false;
    const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
    return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  };
}

/**
 * Whose X-Forwarded-* headers are believed: trusted proxies and our own processes. `hop` 0 is the peer itself; the further ones are
 * what a header says, and there our own processes do not stand.
 */
export function believedPeers(networks: readonly string[]): (address: string | undefined, hop: number) => boolean {
  const isProxy = trustedProxies(networks);
  return (address, hop) => (hop === 0 && address === OWN_PROCESS) || isProxy(address);
}
