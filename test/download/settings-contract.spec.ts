import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MirrorBench } from '../mirror-run/mirror-bench.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
});
afterAll(() => bench.close());

describe('settings refuse', () => {
  it.each([
    ['sources', { sources: [] }],
    ['sources', { sources: [{ url: 'ftp://x' }] }],
    ['sources', { sources: [{ url: 'http://user:secret@x/' }] }],
    ['sources', { sources: [{ url: 'http://x:99999/' }] }],
    ['sources', { sources: [{ url: 'http://[::1/' }] }],
    ['sources', { sources: [{ url: 'http://x/a?x=1' }] }],
    ['sources', { sources: [{ url: 'http://x/activeupdate/Server.ini' }] }],
    ['japanSources', { japanSources: [{ url: '/srv/tree/server.ini' }] }],
    ['allowRedirectHosts', { allowRedirectHosts: ['not a host!!'] }],
    ['allowRedirectHosts', { allowRedirectHosts: ['http://localhost:19092/'] }],
    ['allowRedirectHosts', { allowRedirectHosts: ['localhost:99999'] }],
    ['caFile', { caFile: 'relative.pem' }],
    ['parallel', { parallel: 0 }],
    ['selection', { selection: { mode: 'most', components: [] } }],
    ['bandwidthBytesPerSecond', { bandwidthBytesPerSecond: -1 }],
  ])('a setting that cannot be: %s (%#)', async (field, change) => {
    const before = (await bench.api.get('/api/v1/settings/update-source')).body;
    const put = await bench.api.put('/api/v1/settings/update-source', { ...before, ...change });
    expect(put).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
    expect(JSON.stringify(put.body.fields)).toContain(field);
    expect(JSON.stringify(put.body.fields)).not.toContain('$property');
    expect((await bench.api.get('/api/v1/settings/update-source')).body).toEqual(before);
  });

  it.each([
    [['virus-pattern', 'absent'], 'component-unknown'],
    [[], 'selection-empty'],
  ])('a selection of %j, by which less would be mirrored than somebody thinks', async (components, code) => {
    const before = (await bench.api.get('/api/v1/settings/update-source')).body;
    const put = await bench.api.put('/api/v1/settings/update-source', {
      ...before,
      selection: { mode: 'selected', components },
    });
    expect(put).toMatchObject({ status: 400, body: { code } });
    expect((await bench.api.get('/api/v1/settings/update-source')).body).toEqual(before);
  });

  it.each(['sources', 'japanSources'])(
    'this server itself in %s, but no other server on its machine',
    async (field) => {
      const path = '/api/v1/settings/update-source';
      const before = (await bench.api.get(path)).body;
      const own = [bench.haishin.http, bench.haishin.http.replace('127.0.0.1', 'localhost')];
      for (const url of own.flatMap((each) => [`${each}/activeupdate`, `${each}/activeupdate/japan`])) {
        const put = await bench.api.put(path, { ...before, [field]: [{ url: bench.upstream.url }, { url }] });
        expect(put).toMatchObject({ status: 422, body: { code: 'source-is-self', url } });
      }
      expect((await bench.api.get(path)).body).toEqual(before);
      const other = { ...before, [field]: [{ url: bench.upstream.url }, { url: 'http://127.0.0.1:1/activeupdate' }] };
      expect(await bench.api.put(path, other)).toMatchObject({ status: 200 });
      expect(await bench.api.put(path, before)).toMatchObject({ status: 200 });
    },
  );

  it('a CA file that is not there or is none', async () => {
    const path = '/api/v1/settings/update-source';
    const before = (await bench.api.get(path)).body;
    const none = join(bench.haishin.dataDir, 'none.pem');
    await writeFile(none, '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n');
    for (const caFile of [`${none}.absent`, none]) {
      const put = await bench.api.put(path, { ...before, caFile });
      expect(put).toMatchObject({ status: 422, body: { code: 'ca-file-unreadable', path: caFile } });
      expect(put.body.detail).toContain(caFile);
    }
    expect((await bench.api.get(path)).body).toEqual(before);
  });

  it('a schedule that could never fire, unless it is off', async () => {
    const path = '/api/v1/settings/download-schedule';
    const before = (await bench.api.get(path)).body;
    const never = { ...before, enabled: true, exceptions: { days: [], weekdays: [0, 1, 2, 3, 4, 5, 6], hours: [] } };
    expect(await bench.api.put(path, never)).toMatchObject({ status: 422, body: { code: 'schedule-never' } });
    const nothing = { days: [], weekdays: [], hours: [{ from: '22:00', to: '22:00' }] };
    expect(await bench.api.put(path, { ...before, exceptions: nothing })).toMatchObject({
      status: 400,
      body: { code: 'validation-failed' },
    });
    expect((await bench.api.get(path)).body).toEqual(before);
    expect(await bench.api.put(path, { ...never, enabled: false })).toMatchObject({ status: 200 });
    expect(await bench.api.put(path, before)).toMatchObject({ status: 200 });
  });

  it('a proxy at another address, or of another user, with the password that only the mask stands for', async () => {
    const path = '/api/v1/settings/proxy';
    const initial = (await bench.api.get(path)).body;
    const login = { enabled: false, url: 'http://proxy.example:3128', username: 'mirror', password: 'correct horse' };
    const { body: before } = await bench.api.put(path, login);
    expect(before).toEqual({ ...login, password: '********' });
    for (const change of [
      { url: 'http://elsewhere.example:3128' },
      { url: 'http://proxy.example:3129' },
      { url: 'https://proxy.example:3128' },
      { url: null },
      { username: 'somebody' },
      { username: null },
    ])
      expect(await bench.api.put(path, { ...before, ...change })).toMatchObject({
        status: 422,
        body: { code: 'proxy-password-needed' },
      });
    expect((await bench.api.get(path)).body).toEqual(before);
    // The same address in other words.
    const slash = await bench.api.put(path, { ...before, url: `${login.url}/` });
    expect(slash).toMatchObject({ status: 200, body: { password: '********' } });
    const elsewhere = { ...before, url: 'http://elsewhere.example:3128' };
    expect(await bench.api.put(path, { ...elsewhere, password: 'another' })).toMatchObject({ status: 200 });
    expect(await bench.api.put(path, { ...before, password: null })).toMatchObject({ status: 200 });
    // Without one there is nothing that could be sent anywhere.
    expect(await bench.api.put(path, elsewhere)).toMatchObject({ status: 200, body: { password: null } });
    expect(await bench.api.put(path, initial)).toMatchObject({ status: 200, body: initial });
  });

  it('a proxy whose port does not exist, and a day that does not', async () => {
    for (const [name, change] of [
      ['proxy', { url: 'http://x:99999' }],
      ['download-schedule', { exceptions: { days: ['2026-02-31'], weekdays: [], hours: [] } }],
    ] as const) {
      const before = (await bench.api.get(`/api/v1/settings/${name}`)).body;
      expect(await bench.api.put(`/api/v1/settings/${name}`, { ...before, ...change })).toMatchObject({ status: 400 });
    }
  });
});

describe('settings take', () => {
  it('hosts that redirects may lead to, as host or host:port in any case', async () => {
    const path = '/api/v1/settings/update-source';
    const before = (await bench.api.get(path)).body;
    const allowRedirectHosts = ['CDN.Example.com', 'localhost:19092', '10.0.0.1', '[::1]:8080', 'under_score'];
    expect(await bench.api.put(path, { ...before, allowRedirectHosts })).toMatchObject({ status: 200 });
    await bench.api.put(path, before);
  });

  it('every setting takes what it gave', async () => {
    for (const name of ['update-source', 'proxy', 'download-schedule', 'distribution', 'licences']) {
      const { body } = await bench.api.get(`/api/v1/settings/${name}`);
      expect(await bench.api.put(`/api/v1/settings/${name}`, body)).toMatchObject({ status: 200, body });
    }
  });
});
