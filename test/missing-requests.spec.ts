import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Channel } from '../src/mirror/snapshot/channel.js';
import { MissingRequestRecorder } from '../src/modules/download/download.api.js';
import { MissingRequestRepository } from '../src/modules/download/missing-request.repository.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { startSampleUpstream, type SampleUpstream } from '../src/sample-upstream/sample-server.js';
import { startHaishin, type ApiAnswer, type TestHaishin } from './support/haishin.js';

describe('requests for what is not held', () => {
  let upstream: SampleUpstream;
  let haishin: TestHaishin;

  beforeAll(async () => {
    upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.0005 }) });
    haishin = await startHaishin({ upstreamUrl: upstream.url });
  });

  afterAll(async () => {
    await haishin.dispose();
    await upstream.close();
  });

  async function ask(...paths: string[]): Promise<void> {
    for (const path of paths) {
      const response = await fetch(`${haishin.http}/activeupdate/${path}`);
      expect([404, 503]).toContain(response.status);
      await response.arrayBuffer();
    }
  }

  async function sql(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: haishin.database.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  const items = async (query = '') =>
    (await haishin.api.get(`/api/v1/missing-requests${query}`)).body.items as ApiAnswer['body'][];
  const names = (number: number, prefix: string) => Array.from({ length: number }, (_, i) => `${prefix}${i}`);

  async function add(day: string, channel: Channel, keys: readonly string[], count = 1): Promise<void> {
    const lastAt = `${day}T12:00:00Z`;
    await haishin.server
      .application()!
      .get(MissingRequestRepository)
      .add(keys.map((key) => ({ channel, key, path: key, kind: 'not-held', count, lastAt })));
  }

  const recorder = () => haishin.server.application()!.get(MissingRequestRecorder);

  it('are counted by what was wanted, in all channels, most wanted first', async () => {
    await ask('server.ini', 'pattern/vsapi241.zip');
    expect(await items()).toEqual([
      expect.objectContaining({ key: 'pattern/vsapi', reason: 'not-published', component: null, count: 1 }),
      expect.objectContaining({ key: 'server', reason: 'not-published', count: 1 }),
    ]);
    await haishin.api.download();
    await ask('pattern/vsapi199.zip');
    // Of two within a millisecond either may be the last.
    await delay(5);
    await ask('japan/pattern/VSAPI198.zip', 'engine/nothing/such.zip', 'ini_xml.zip', '@gone/server.ini');
    const [first, ...rest] = await items();
    expect(first).toMatchObject({
      key: 'pattern/vsapi',
      component: 'virus-pattern',
      channels: ['global', 'japan'],
      count: 3,
      lastPath: 'pattern/vsapi198.zip',
      reason: 'not-held',
    });
    expect(Math.abs(Date.now() - Date.parse(first.lastAt as string))).toBeLessThan(60_000);
    expect(rest).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: 'engine/nothing/such', component: null, channels: ['global'], count: 1 }),
        expect.objectContaining({ key: 'server', reason: 'snapshot-gone', count: 2 }),
      ]),
    );
    expect(rest.map(({ key }) => key as string)).not.toContain('ini_xml');
  });

  it('of several days are added up, as far back as is asked for', async () => {
    await sql(`insert into missing_request (day, channel, key, count, last_path, last_at)
      values ((now() at time zone 'UTC')::date - 6, 'global', 'pattern/vsapi', 100, 'old', now() - interval '6 days'),
             ((now() at time zone 'UTC')::date - 7, 'global', 'pattern/vsapi', 1000, 'older', now() - interval '7 days')`);
    expect((await items())[0]).toMatchObject({ count: 103, lastPath: 'pattern/vsapi198.zip' });
    expect((await items('?days=8'))[0]).toMatchObject({ count: 1103 });
    expect((await items('?days=1'))[0]).toMatchObject({ count: 3 });
    expect(await haishin.api.get('/api/v1/missing-requests?days=0')).toMatchObject({ status: 400 });
    expect(await haishin.api.get('/api/v1/missing-requests?days=many')).toMatchObject({ status: 400 });
  });

  it('come in pages, in one order, each name once', async () => {
    const day = new Date().toISOString().slice(0, 10);
    for (const [count, prefix] of [
      [7, 'seven'],
      [7, 'also'],
      [9, 'nine'],
    ] as const)
      await add(day, 'global', names(4, `page/${prefix}`), count);
    const whole = await items('?days=1&limit=500');
    const pages: ApiAnswer['body'][][] = [];
    for (let cursor = ''; ;) {
      const { body } = await haishin.api.get(`/api/v1/missing-requests?days=1&limit=5${cursor}`);
      pages.push(body.items as ApiAnswer['body'][]);
      if (body.next === null) break;
      cursor = `&cursor=${body.next as string}`;
    }
    expect(pages.slice(0, -1).map((page) => page.length)).toEqual(pages.slice(0, -1).map(() => 5));
    expect(pages.flat()).toEqual(whole);
    expect(whole.filter(({ count }) => count === 7).map(({ key }) => key as string)).toEqual([
      ...names(4, 'page/also'),
      ...names(4, 'page/seven'),
    ]);
    expect(await haishin.api.get('/api/v1/missing-requests?cursor=nonsense')).toMatchObject({
      status: 400,
      body: { code: 'cursor-invalid' },
    });
  });

  it('that cannot be written are kept, and written when it is possible again', async () => {
    await ask('pattern/tsc1.zip');
    await sql('alter table missing_request rename to missing_request_away');
    await recorder().flush();
    await ask('pattern/tsc2.zip');
    await recorder().flush();
    await sql('alter table missing_request_away rename to missing_request');
    await recorder().flush();
    expect(await sql(`select count::int, last_path from missing_request where key = 'pattern/tsc'`)).toEqual([
      { count: 2, last_path: 'pattern/tsc2.zip' },
    ]);
  });

  it('with names that no database takes do not hold up the others', async () => {
    const long = `${'a'.repeat(199)}😀.zip`;
    await ask(encodeURI(long), 'pattern/last1.zip');
    expect(await items('?days=1')).toEqual(expect.arrayContaining([expect.objectContaining({ key: 'pattern/last' })]));
  });

  it('with names that become one when they are stored are added up', async () => {
    await ask(encodeURI(`${'b'.repeat(199)}😀.zip`), encodeURI(`${'b'.repeat(199)}𝐀.zip`));
    await recorder().flush();
    expect(await sql(`select sum(count)::int from missing_request where key like 'bbb%'`)).toEqual([{ sum: 2 }]);
  });

  it('are told apart up to a number for each day and channel, however many names the network makes up', async () => {
    await add('2020-02-02', 'global', ['pattern/vsapi']);
    for (let round = 0; round < 3; round++)
      await Promise.all([
        add('2020-02-02', 'global', names(600, `x${round}-`)),
        add('2020-02-02', 'japan', names(10, `x${round}-`)),
      ]);
    await add('2020-02-02', 'global', ['pattern/vsapi', 'pattern/late'], 5);
    const rows = await sql(`select channel, count(*)::int as keys, sum(count)::int as requests,
        sum(count) filter (where key = '*')::int as others, sum(count) filter (where key = 'pattern/vsapi')::int as known
      from missing_request where day = '2020-02-02' group by channel order by channel`);
    expect(rows).toEqual([
      { channel: 'global', keys: 1001, requests: 1811, others: 806, known: 6 },
      { channel: 'japan', keys: 30, requests: 30, others: null, known: null },
    ]);
  });

  it('are forgotten after 400 days', async () => {
    const dayAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
    await add(dayAgo(402), 'global', ['pattern/ancient']);
    await add(dayAgo(399), 'global', ['pattern/old']);
    await recorder().prune();
    expect(await sql(`select key from missing_request where key in ('pattern/ancient', 'pattern/old')`)).toEqual([
      { key: 'pattern/old' },
    ]);
  });

  it('of several nodes at once cannot exceed it by more than what the nodes bring', async () => {
    for (let round = 0; round < 3; round++)
      await Promise.all(['a', 'b'].map((node) => add('2020-02-03', 'global', names(900, `${node}${round}-`))));
    const [row] = await sql(`select count(*)::int as keys, sum(count)::int as requests
      from missing_request where day = '2020-02-03'`);
    expect(row).toMatchObject({ requests: 5400 });
    expect(row!.keys).toBeLessThanOrEqual(2 * 1000 + 1);
  });

  it('are written at a stop', async () => {
    await ask('pattern/final1.zip');
    await haishin.stop();
    expect(await sql(`select count::int from missing_request where key = 'pattern/final'`)).toEqual([{ count: 1 }]);
  });
});
