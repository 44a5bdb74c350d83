import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { TEST_TOKEN, type ApiAnswer, type TestHaishin } from './support/haishin.js';
import { startMirror, type Mirror } from './support/mirror.js';
import { fetchAsProduct } from './support/reference-client.js';
import { until } from './support/until.js';
import { newestUpload, uploadTo, type UploadParts } from './support/upload.js';

describe('an upload is refused, and nothing changes:', () => {
  let mirror: Mirror;
  let haishin: TestHaishin;
  let snapshot: string;

  beforeAll(async () => {
    mirror = await startMirror();
    haishin = mirror.haishin;
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    const names = { ja: '規則', en: 'Site rules' };
    await haishin.api.post('/api/v1/components', { id: 'site-rules', names, kind: 'pattern' });
    const parts = { file: { name: 'rules.dat', content: 'rules' }, version: '2026-11-a' };
    expect(await upload('site-rules', parts)).toMatchObject({ status: 201, body: { published: true } });
    snapshot = (await haishin.api.get('/api/v1/channels')).body.items[0].snapshotId;
  });
  afterAll(() => mirror.dispose());

  const upload = (component: string, parts: UploadParts): Promise<ApiAnswer> => uploadTo(haishin, component, parts);
  const incoming = () => readdir(join(haishin.dataDir, 'incoming'));

  const good = { name: 'vsapi400.zip', content: 'no archive' };
  const cases: [string, string, UploadParts, number, string][] = [
    ['a ZIP that is none', 'virus-pattern', { file: good, version: '17.400.00' }, 422, 'zip-corrupt'],
    ['no file', 'virus-pattern', { version: '17.400.00' }, 400, 'upload-file-missing'],
    ['an empty file', 'site-rules', { file: { name: 'a.dat', content: '' }, version: '1' }, 400, 'upload-empty'],
    [
      'a version that is none',
      'virus-pattern',
      { file: { ...good, name: 'a.bin' }, version: 'new' },
      400,
      'version-invalid',
    ],
    [
      'a version without its roll',
      'virus-pattern',
      { file: { ...good, name: 'a.bin' }, version: '241' },
      400,
      'version-invalid',
    ],
    ['no version anywhere', 'virus-pattern', { file: { ...good, name: 'lpt$vpn.400' } }, 400, 'version-missing'],
    ['an unknown component', 'nothing-such', { file: good, version: '17.400.00' }, 404, 'component-unknown'],
    ['an unknown field', 'virus-pattern', { note: 'hello', file: good }, 400, 'upload-field-unknown'],
    [
      'a name without anything in it',
      'site-rules',
      { file: { name: '..', content: 'x' }, version: '1' },
      400,
      'file-name-invalid',
    ],
    [
      'the name of a signature',
      'site-rules',
      { file: { name: 'a.sig', content: 'x' }, version: '1' },
      400,
      'file-name-invalid',
    ],
    [
      'the path of another component',
      'virus-pattern',
      { file: { name: 'ssaptn_n.bin', content: 'x' }, version: '17.400.00' },
      409,
      'path-taken',
    ],
  ];

  afterEach(async () => {
    expect((await haishin.api.get('/api/v1/channels')).body.items[0].snapshotId).toBe(snapshot);
    expect(await incoming()).toEqual([]);
  });

  it.each(cases)('%s', async (_what, component, parts, status, code) => {
    const file = parts.file;
    if (file?.name === 'ssaptn_n.bin') {
      // Some file of another component in the same folder.
      const tree = await fetchAsProduct(`${haishin.http}/activeupdate`);
      const other = [...tree.files.keys()].find(
        (path) => /^pattern\/[^/]+$/.test(path) && !/vsapi|\/v_|zip$/.test(path),
      );
      file.name = other?.split('/').at(-1) ?? '';
    }
    expect(await upload(component, parts)).toMatchObject({ status, body: { code } });
  });

  it('text in place of a file', async () => {
    const form = new FormData();
    form.append('file', 'text');
    const answer = await haishin.api.call('POST', '/api/v1/components/site-rules/releases', form);
    expect(answer).toMatchObject({ status: 400, body: { code: 'upload-file-missing' } });
  });

  it('two files', async () => {
    const form = new FormData();
    form.append('file', new Blob(['a']), 'a.dat');
    form.append('file', new Blob(['b']), 'b.dat');
    const answer = await haishin.api.call('POST', '/api/v1/components/site-rules/releases', form);
    expect(answer).toMatchObject({ status: 400, body: { code: 'upload-field-twice' } });
  });

  it.each([
    ['application/json', '{"version":"1"}'],
    ['application/octet-stream', 'bytes'],
    ['multipart/form-data', 'no boundary'],
    ['multipart/form-data; boundary=x', '--x\r\nbroken'],
  ])('a body of type %s', async (type, body) => {
    const response = await fetch(`${haishin.http}/api/v1/components/site-rules/releases`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': type },
      body,
    });
    const { code } = (await response.json()) as { code: string };
    expect(response.status).toBe(code === 'unsupported-media-type' ? 415 : 400);
    expect(['unsupported-media-type', 'upload-malformed', 'upload-file-missing']).toContain(code);
  });

  it('a form where none is taken', async () => {
    const form = new FormData();
    form.append('file', new Blob(['a']), 'a.dat');
    expect(await haishin.api.call('POST', '/api/v1/downloads', form)).toMatchObject({
      status: 415,
      body: { code: 'unsupported-media-type' },
    });
  });

  it('no token: 401 before anything is read', async () => {
    const response = await fetch(`${haishin.http}/api/v1/components/site-rules/releases`, { method: 'POST' });
    expect(response.status).toBe(401);
  });

  it('more than is allowed, announced or not; a log line tells', async () => {
    const setting = (await haishin.api.get('/api/v1/settings/distribution')).body;
    expect(setting.maxUploadBytes).toBe(2 * 1024 ** 3);
    await haishin.api.put('/api/v1/settings/distribution', { ...setting, maxUploadBytes: 3_000_000 });
    try {
      for (const size of [3_000_001, 8_000_000]) {
        const content = Buffer.alloc(size);
        const answer = await upload('site-rules', { file: { name: 'big.dat', content }, version: '9' });
        expect(answer).toMatchObject({ status: 413, body: { code: 'upload-too-large', maxBytes: 3_000_000 } });
      }
      expect(await newestUpload(haishin)).toMatchObject({
        outcome: 'failed',
        code: 'upload-too-large',
        component: 'site-rules',
      });
      const most = await upload('site-rules', {
        file: { name: 'big.dat', content: Buffer.alloc(3_000_000) },
        version: '1999-a',
      });
      expect(most).toMatchObject({ status: 201, body: { published: false } });
    } finally {
      await haishin.api.put('/api/v1/settings/distribution', setting);
    }
  });

  it('a client that goes away in the middle', async () => {
    const { hostname, port } = new URL(haishin.http);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(
      'POST /api/v1/components/site-rules/releases HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n' +
        `Authorization: Bearer ${TEST_TOKEN}\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n` +
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.dat"\r\n\r\nbegin',
    );
    await until('the file has begun to arrive', async () => (await incoming()).length > 0);
    socket.destroy();
    await until('nothing is left of it', async () => (await incoming()).length === 0);
  });
});
