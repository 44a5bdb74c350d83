import { once } from 'node:events';
import { rm, truncate } from 'node:fs/promises';
import { get as httpGet, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { eventually, rawExchange } from '../support/raw-http.js';
import { BIG, ServedTree } from '../support/served-tree.js';

describe('transfers of the update source', () => {
  let served: ServedTree;
  beforeEach(async () => {
    served = await ServedTree.open();
  });
  afterEach(() => served.close());

  it('sends all to a client that closes its half of the connection, pipelined requests included', async () => {
    const path = '/activeupdate/pattern/vsapi241.zip';
    const large = await rawExchange(served.url, `GET ${path} HTTP/1.0\r\n\r\n`, true);
    expect(Buffer.from(large, 'latin1').subarray(-BIG.length).equals(BIG)).toBe(true);
    const three = await rawExchange(served.url, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(3), true);
    expect(three.length).toBeGreaterThan(3 * BIG.length);
    expect(served.openBlobs()).toBe(0);
  });

  it('closes files of clients that close their half, and then go away', async () => {
    for (let i = 0; i < 20; i++) {
      const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
      socket.on('error', () => undefined).end('GET /activeupdate/pattern/vsapi241.zip HTTP/1.0\r\n\r\n');
      await once(socket, 'data');
      socket.destroy();
    }
    await eventually(() => served.openBlobs() === 0, 'all files are closed');
    expect(served.logger.at('error')).toEqual([]);
  });

  it('answers 503 for a file that has vanished, and says so in the log', async () => {
    const entries = ['pattern/vsapi241.zip', 'pattern/v_237.sig'].map(served.entryOf);
    for (const entry of entries) await rm(entry?.file ?? '');
    for (const entry of entries)
      for (const method of ['GET', 'HEAD']) {
        const answer = await served.get(`/activeupdate/${entry?.path}`, {}, method);
        expect(answer.status).toBe(503);
        expect(answer.headers.get('etag')).toBeNull();
      }
    expect(served.logger.at('error')).toHaveLength(4);
    const poll = { 'if-none-match': entries[0]?.etag ?? '' };
    for (const method of ['GET', 'HEAD'])
      expect((await served.get(`/activeupdate/${entries[0]?.path}`, poll, method)).status).toBe(304);
  });

  it('cuts the connection when a file turns out too short, and appends nothing', async () => {
    await truncate(served.entryOf('pattern/vsapi241.zip')?.file ?? '', 1_000_000);
    const answer = await served.get('/activeupdate/pattern/vsapi241.zip');
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await served.logger.waitFor((line) => line.level === 'error');
    await eventually(() => served.openBlobs() === 0, 'the file is closed');
  });

  it('does not serve a small file of the wrong size', async () => {
    await truncate(served.entryOf('pattern/v_237.sig')?.file ?? '', 3);
    for (const method of ['HEAD', 'GET'])
      expect((await served.get('/activeupdate/pattern/v_237.sig', {}, method)).status).toBe(503);
  });

  it('answers HEAD for what is in memory, as it does GET', async () => {
    await served.get('/activeupdate/pattern/v_237.sig');
    await rm(served.entryOf('pattern/v_237.sig')?.file ?? '');
    for (const method of ['HEAD', 'GET'])
      expect((await served.get('/activeupdate/pattern/v_237.sig', {}, method)).status).toBe(200);
  });

  it('closes files of clients that go away', async () => {
    const abort = () =>
      new Promise<void>((resolve, reject) => {
        const req = httpGet(
          `${served.url}/activeupdate/pattern/vsapi241.zip`,
          { agent: false },
          (res: IncomingMessage) => {
            res.once('data', () => req.destroy());
            res.once('close', resolve);
          },
        );
        req.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? undefined : reject(error)));
      });
    for (let i = 0; i < 40; i++) await abort();
    await eventually(() => served.openBlobs() === 0, 'all files are closed');
    expect(served.logger.at('error')).toEqual([]);
    expect((await (await served.get('/activeupdate/pattern/vsapi241.zip')).arrayBuffer()).byteLength).toBe(BIG.length);
  });

  it('holds a file open only while a client that takes nothing is there', async () => {
    // More than the kernel's buffers on both sides can take.
    await served.fixture.publish('global', 's3', [{ path: 'pattern/large999.zip', content: Buffer.alloc(40_000_000) }]);
    await served.tree.refresh();
    const req = request(`${served.url}/activeupdate/pattern/large999.zip`, { agent: false });
    req.on('error', () => undefined);
    const res = await new Promise<IncomingMessage>((resolve) => req.on('response', resolve).end());
    res.pause();
    expect(served.openBlobs()).toBe(1);
    req.destroy();
    await eventually(() => served.openBlobs() === 0, 'the file is closed');
  });

  it('finishes a transfer of content that retention has removed meanwhile', async () => {
    const entry = served.entryOf('pattern/vsapi241.zip');
    const answer = await served.get('/activeupdate/pattern/vsapi241.zip');
    await rm(entry?.file ?? '');
    expect(Buffer.from(await answer.arrayBuffer()).equals(BIG)).toBe(true);
  });

  it('opens no file for what is pipelined behind another answer before its turn', async () => {
    const path = '/activeupdate/pattern/vsapi241.zip';
    const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
    await once(socket, 'connect');
    // Nobody reads: the first answer does not end, and fifty wait behind it.
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(51));
    await eventually(() => served.openBlobs() > 0, 'the first file is open');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(served.openBlobs()).toBe(1);
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
    await eventually(() => received > 51 * BIG.length, 'all of them are sent in the end', 60_000);
    socket.destroy();
    await eventually(() => served.openBlobs() === 0, 'nothing stays open');
  });
});
