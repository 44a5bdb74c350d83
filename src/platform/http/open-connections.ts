import type { Server, Socket } from 'node:net';

/**
 * The connections of a server, also those that it does not know as HTTP: what has not ended its TLS handshake is none of those that
 * `closeAllConnections` closes, and keeps the server open for as long as the client likes.
 */
export class OpenConnections {
  private readonly sockets = new Set<Socket>();

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  /** Those that have never sent anything: nobody there waits for an answer. */
  closeSilent(): void {
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  closeAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
