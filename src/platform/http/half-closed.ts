import type { ClientRequest, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * Answers also clients that close their half of the connection behind the request, as HTTP/1.0 allows; Node cuts them by itself. One that
 * has gone looks the same until it is sent something: what waits without sending anything has to end with `onSaidAll`.
 */
export function answerHalfClosed(server: Server | SecureServer): void {
  (server as (Server | SecureServer) & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  // With TLS only from the end of the handshake on: Node itself closes nothing that ends within one.
  server.on('secureConnection', (socket: TLSSocket) => (socket.allowHalfOpen = true));
}

/** Calls back once when nothing more can come from the client, also when that is so already. Returns how to take it back. */
export function onSaidAll(socket: Socket, callback: () => void): () => void {
  if (socket.readableEnded || socket.destroyed) {
    callback();
    return () => undefined;
  }
  const takeBack = (): void => {
    socket.off('end', onEnd);
    socket.off('close', onEnd);
  };
  const onEnd = (): void => {
    takeBack();
    callback();
  };
  socket.once('end', onEnd);
  socket.once('close', onEnd);
  return takeBack;
}

/** Closes our half of the connection to the next process behind the request as soon as the client has closed its own. */
export function passHalfClose(client: Socket, outgoing: ClientRequest): void {
  const pass = (): void => {
    if (client.readableEnded && outgoing.writableFinished) outgoing.socket?.end();
  };
  // Requests may be pipelined, each with its own listener.
  client.setMaxListeners(0);
  client.once('end', pass);
  outgoing.once('finish', pass);
  // From here on the connection may be another request's.
  outgoing.once('close', () => client.off('end', pass));
}
