import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Narrowness {
  /** Towards the client, on each connection, after `freeBytes`. */
  bytesPerSecond?: number;
  /** What passes a connection at full speed: enough for messages, not for files. */
  freeBytes?: number;
  /** A connection breaks after so many bytes to the client. */
  breaksAfterBytes?: number;
}

const PARTS_PER_SECOND = 10;

/** A bad line before a server on this machine: bytes are passed on as they are, slowly, or until the line breaks. */
export class NarrowProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(targetPort: number, narrowness: Narrowness): Promise<NarrowProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new NarrowProxy(server, (server.address() as AddressInfo).port);
    server.on('connection', (client) => {
      const upstream = connect(targetPort, '127.0.0.1');
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        proxy.sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          proxy.sockets.delete(socket);
          other.destroy();
        });
      }
      client.pipe(upstream);
      void pass(upstream, client, narrowness).catch(() => client.destroy());
    });
    return proxy;
  }

  async stop(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }
}

async function pass(upstream: Socket, client: Socket, narrowness: Narrowness): Promise<void> {
  const { bytesPerSecond = Infinity, freeBytes = 0, breaksAfterBytes = Infinity } = narrowness;
  let passed = 0;
  for await (const chunk of upstream as AsyncIterable<Buffer>) {
    for (let offset = 0; offset < chunk.length;) {
      const slow = passed >= freeBytes && bytesPerSecond !== Infinity;
      const most = slow ? Math.ceil(bytesPerSecond / PARTS_PER_SECOND) : chunk.length;
      const part = chunk.subarray(offset, offset + Math.min(most, breaksAfterBytes - passed));
      if (!client.write(part)) await once(client, 'drain');
      offset += part.length;
      passed += part.length;
      if (passed >= breaksAfterBytes) {
        client.end();
        return;
      }
      if (slow) await sleep((1000 * part.length) / bytesPerSecond);
    }
  }
  client.end();
}
