import type { Server } from 'node:http';

/**
 * Stands for the address of a peer that is a process of our own: a connection over a unix socket has none. An absent address says
 * nothing: a client that has reset its connection has none either, while its request is still read.
 */
export const OWN_PROCESS = 'own-process';

/** Gives every connection of this server that address; for servers that only our own processes can reach. */
export function markOwnProcesses(server: Server): void {
  server.on('connection', (socket) => Object.defineProperty(socket, 'remoteAddress', { value: OWN_PROCESS }));
}
