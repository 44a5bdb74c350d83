import { DataSource } from 'typeorm';
import { TEST_TOKEN } from './support/haishin.js';
import { runCommandIn } from './support/command-line.js';
import { MirrorBench } from './mirror-run/mirror-bench.js';

const JAPANESE = { 'accept-language': 'ja,en;q=0.5' };
const REFUSED = 'アップデート元がアクセスを拒否しました (ステータス 403)。';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
});
afterAll(() => bench.close());

describe('a problem', () => {
  it('is told in Japanese to whoever asks for it, and programs read the same in it', async () => {
    const path = '/api/v1/components/no-such';
    const english = await bench.api.get(path);
    expect(english.body).toMatchObject({
      title: 'Not found',
      detail: 'There is no component no-such in the catalogue.',
      code: 'component-unknown',
    });
    expect(english.headers.get('content-language')).toBe('en');
    expect(english.headers.get('vary')).toBe('Accept-Language');

    const japanese = await bench.api.call('GET', path, undefined, JAPANESE);
    const { title, detail, ...rest } = japanese.body;
    expect([title, detail]).toEqual(['見つかりません', 'カタログにコンポーネント no-such はありません。']);
    expect({ ...english.body, requestId: '' }).toEqual({ ...english.body, ...rest, requestId: '' });
    expect(japanese.status).toBe(english.status);
    expect(japanese.headers.get('content-language')).toBe('ja');
  });

  it('of wrong fields tells each of them in Japanese', async () => {
    const body = { components: ['x', 5], further: true };
    const { status, body: problem } = await bench.api.call('POST', '/api/v1/downloads', body, JAPANESE);
    expect({ status, code: problem.code }).toEqual({ status: 400, code: 'validation-failed' });
    expect(problem.detail).toMatch(/^受け付けられません: .*further という項目はありません.*。$/);
    expect(problem.fields).toContainEqual({ field: 'further', faults: ['further という項目はありません'] });
    const { body: english } = await bench.api.post('/api/v1/downloads', body);
    expect(english.fields).toContainEqual({ field: 'further', faults: ['property further should not exist'] });
  });

  it.each([
    ['without a token', '/api/v1/components', { authorization: '' }, 401, '認証されていません'],
    ['of the framework', '/nowhere', {}, 404, '見つかりません'],
  ])('%s is told in Japanese too', async (_, path, headers, status, title) => {
    const answer = await bench.api.call('GET', path, undefined, { ...JAPANESE, ...headers });
    expect(answer).toMatchObject({ status, body: { title } });
    expect(answer.body.detail).toMatch(/。$/);
  });
});

describe('what is kept of a failure', () => {
  const sourceRefuses = () => bench.upstream.set(/./, { kind: 'status', status: 403 });
  const update = async (sql: string): Promise<void> => {
    const database = await new DataSource({ type: 'postgres', url: bench.haishin.database.url }).initialize();
    await database.query(sql).finally(() => database.destroy());
  };
  afterEach(() => bench.upstream.clear());

  it('is told in both languages by the record, the source and the component', async () => {
    sourceRefuses();
    const download = await bench.api.download();
    const text = { en: 'The upstream refuses access (status 403).', ja: REFUSED };
    expect(download.error).toMatchObject({ code: 'upstream-refused', message: text.en, text });
    const state = await bench.api.get('/api/v1/settings/update-source/state');
    expect(state.body.items[0].lastError).toEqual({ code: 'upstream-refused', message: text.en, text });
    const { available } = await bench.api.component('virus-pattern');
    expect(available).toMatchObject({ state: 'unknown', reason: 'upstream-refused', detail: text.en, text });

    // As it was written before there were two.
    await update(`update download set error = error - 'text'; update upstream_state set last_error = last_error - 'text';
      update component_availability set text = null`);
    const same = { en: text.en, ja: text.en };
    expect((await bench.api.get(`/api/v1/downloads/${download.id}`)).body.error).toMatchObject({ text: same });
    const before = await bench.api.get('/api/v1/settings/update-source/state');
    expect(before.body.items[0].lastError).toMatchObject({ text: same });
    expect((await bench.api.component('virus-pattern')).available).toMatchObject({ text: same });
  });

  it('is told in both languages by the outcome of one component', async () => {
    bench.upstream.set(/vsapi.*\.zip$/, { kind: 'status', status: 403 });
    const { components } = await bench.api.download();
    const failed = components.find(({ outcome }: { outcome: string }) => outcome === 'failed');
    expect(failed.error.code).toBe('upstream-refused');
    expect(failed.error.text.ja).toMatch(/^\S+: アップデート元がアクセスを拒否しました/);
    expect(failed.error.text.en).toBe(failed.error.message);
  });
});

describe('the command line in a Japanese terminal', () => {
  const run = (...args: string[]) =>
    runCommandIn({ LC_ALL: 'ja_JP.UTF-8' }, ...args, '--url', bench.haishin.http, '--token', TEST_TOKEN);

  it("tells the server's faults in Japanese", async () => {
    const { code, stderr } = await run('download', 'no-such');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^component-unknown: .*no-such.*ありません。\n$/);
  });

  it('tells its own faults in Japanese', async () => {
    const { stderr } = await run('upload', 'virus-pattern', '/no/such/file');
    expect(stderr).toBe('file-not-found: ファイル /no/such/file がありません。\n');
    const config = await runCommandIn({ LC_ALL: 'ja_JP.UTF-8', HAISHIN_HTTP_PORT: '70000' }, 'serve');
    expect(config.stderr).toBe(
      'config-invalid: 設定に 1 件の誤りがあります。\n' +
        '  - HAISHIN_HTTP_PORT は 65535 以下のポート番号、0 (空いているポート)、または off で指定してください\n',
    );
  });

  it('tells how a download failed in Japanese, and programs the same as ever', async () => {
    bench.upstream.set(/./, { kind: 'status', status: 403 });
    const printed = await run('download');
    expect(printed.stdout).toContain(`(upstream-refused: ${REFUSED} ${bench.upstream.url}/server.ini)`);
    const json = await run('download', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: { code: 'upstream-refused', message: 'The upstream refuses access (status 403).' },
    });
    bench.upstream.clear();
  });
});
