import type { IncomingMessage } from 'node:http';
import { OWN_PROCESS } from './own-process.js';
import { trustedProxies } from './trusted-proxies.js';

const isLoopback = trustedProxies(['127.0.0.0/8', '::1']);
/** A proxy on this host that says in another way for whom it asks. */
const OF_PROXIES = ['forwarded', 'via', 'x-real-ip'];

/** Whether a request comes over the loopback, and not by a proxy there for somebody else. */
export function isFromThisHost({ socket, headers }: IncomingMessage): boolean {
  const told = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  const [peer, ...clients] = [socket.remoteAddress, ...told.map((each) => each.trim()).filter(Boolean)];
  return (
    (peer === OWN_PROCESS ? clients.length > 0 : isLoopback(peer)) &&
    clients.every(isLoopback) &&
    OF_PROXIES.every((name) => headers[name] === undefined)
  );
}
