import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { LentReads } from './lent-reads.js';

describe('reads into a buffer that is lent', () => {
  let server: Server;
  let peer: Socket;
  let socket: Socket;
  let buffer: Buffer;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    buffer = Buffer.alloc(16);
    const reads = new LentReads(buffer);
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', onread: reads.onread });
    socket.once('connect', () => reads.adopt(socket));
    [peer] = await accepted;
  });

  afterEach(async () => {
    socket.destroy();
    peer.destroy();
    server.close();
    await once(server, 'close');
  });

  /** As the parser of undici does it. */
  function readAll(): Promise<string> {
    let text = '';
    socket.on('readable', () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        expect(chunk.buffer).toBe(buffer.buffer);
        text += chunk.toString();
      }
    });
    return once(socket, 'end').then(() => text);
  }

  it('hands on everything, to the end, always in the same memory', async () => {
    const all = readAll();
    const sent = 'abcdefghij'.repeat(1000);
    peer.end(sent);
    expect(await all).toBe(sent);
  });

  it('keeps what is put back, stops the socket, and goes on where it was', async () => {
    const taken: string[] = [];
    const stopped = new Promise<void>((resolve) => {
      socket.once('readable', () => {
        const chunk = socket.read() as Buffer;
        taken.push(chunk.subarray(0, 3).toString());
        socket.unshift(chunk.subarray(3));
        resolve();
      });
    });
    peer.write('0123456789');
    await stopped;
    // Another socket of the same source reads into the buffer meanwhile.
    setImmediate(() => buffer.fill('!'));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const ended = once(socket, 'end');
    socket.on('readable', () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
        taken.push(chunk.toString());
    });
    socket.emit('readable');
    peer.end('more');
    await ended;
    expect(taken.join('')).toBe('0123456789more');
  });
});
