import { networkInterfaces } from 'node:os';

/** The addresses of this machine; none where the system does not tell them, as in a sandbox without netlink sockets. */
export function machineAddresses(ask: typeof networkInterfaces = networkInterfaces): string[] {
  try {
    return Object.values(ask()).flatMap((each) => (each ?? []).map(({ address }) => address));
  } catch {
    return [];
  }
}
