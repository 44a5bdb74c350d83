import { MirrorBench } from '../mirror-run/mirror-bench.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
  for (let n = 0; n < 3; n++) {
    if (n > 0) bench.tree.publish(['spyware-pattern']);
    await bench.api.download();
  }
});
afterAll(() => bench.close());

describe('lists', () => {
  it.each(['downloads', 'snapshots', 'releases', 'events', 'components', 'channels'])(
    '%s come in pages that add up',
    async (list) => {
      const whole = (await bench.api.get(`/api/v1/${list}?limit=500`)).body;
      expect(whole.next).toBeNull();
      expect(whole.items.length).toBeGreaterThan(list === 'channels' ? 1 : 2);
      const paged: unknown[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const { body }: { body: { items: unknown[]; next: string | null } } = await bench.api.get(
          `/api/v1/${list}?limit=${list === 'channels' ? 1 : 2}${query}`,
        );
        expect(body.items.length).toBeLessThanOrEqual(2);
        paged.push(...body.items);
        cursor = body.next;
      }
      expect(paged).toEqual(whole.items);
    },
  );

  it.each([
    ['limit=0', 'validation-failed'],
    ['limit=501', 'validation-failed'],
    ['limit=ten', 'validation-failed'],
    ['limit=1.5', 'validation-failed'],
    ['cursor=nonsense', 'cursor-invalid'],
    [`cursor=${Buffer.from('[1,2,3,4,5]').toString('base64url')}`, 'cursor-invalid'],
    [`cursor=${Buffer.from('["x","y"]').toString('base64url')}`, 'cursor-invalid'],
    [`cursor=${Buffer.from('{}').toString('base64url')}`, 'cursor-invalid'],
    ['surprise=1', 'validation-failed'],
  ])('?%s is refused', async (query, code) => {
    for (const list of ['downloads', 'releases', 'components', 'channels'])
      expect(await bench.api.get(`/api/v1/${list}?${query}`)).toMatchObject({ status: 400, body: { code } });
  });

  it.each(['trigger=bogus', 'trigger=', 'outcome=zz', 'outcome=succeeded'])('events?%s is refused', async (query) => {
    const answer = await bench.api.get(`/api/v1/events?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
  });

  it.each(['events', 'snapshots'])('a cursor of another kind is refused by %s', async (list) => {
    for (const key of ['["x y"]', '["\u0000"]', '[{}]', '[1e999]']) {
      const answer = await bench.api.get(`/api/v1/${list}?cursor=${Buffer.from(key).toString('base64url')}`);
      expect([200, 400]).toContain(answer.status);
    }
  });
});
