import { ApiTokenService } from '../../src/modules/accounts/accounts.api.js';
import { MirrorBench } from '../mirror-run/mirror-bench.js';
import type { ApiCaller } from '../support/haishin.js';

let bench: MirrorBench;
beforeAll(async () => {
  bench = await MirrorBench.open();
  await bench.api.download();
});
afterAll(() => bench.close());

describe('orders that are sent twice', () => {
  const order = (key: string, body: unknown = {}): ReturnType<ApiCaller['call']> =>
    bench.api.call('POST', '/api/v1/downloads', body, { 'idempotency-key': key });

  it('are carried out once', async () => {
    const first = await order('once-1');
    await bench.api.ended(first.body.id as string);
    const second = await order('once-1');
    expect(second).toMatchObject({ status: 202, body: first.body });
    expect((await bench.api.get('/api/v1/downloads?limit=1')).body.items[0].id).toBe(first.body.id);
    const third = await order('once-2');
    expect(third.body.id).not.toBe(first.body.id);
    await bench.api.ended(third.body.id as string);
  });

  it('stand in the audit with the id of the request', async () => {
    const order = await bench.api.post('/api/v1/downloads');
    await bench.api.ended(order.body.id as string);
    const { body } = await bench.api.get('/api/v1/audit?limit=1');
    expect(body.items[0]).toMatchObject({
      action: 'download.start',
      object: order.body.id,
      requestId: order.headers.get('x-request-id'),
    });
  });

  it('at the same moment: one is carried out', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => order('burst')));
    const ids = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.id as string));
    expect(ids.size).toBe(1);
    for (const { status, body } of answers)
      if (status !== 202) expect([status, body.code]).toEqual([409, 'idempotency-in-progress']);
    for (const id of ids) await bench.api.ended(id);
  });

  it('with another body are refused', async () => {
    const first = await order('reused', { components: ['virus-pattern'] });
    await bench.api.ended(first.body.id as string);
    expect(await order('reused', { components: ['spyware-pattern'] })).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
  });

  it('with a key that another caller has used are carried out', async () => {
    const first = await order('shared');
    await bench.api.ended(first.body.id as string);
    const tokens = bench.haishin.server.application()?.get(ApiTokenService, { strict: false });
    const made = await tokens?.create({ name: 'another', role: 'operator', createdBy: 'test' });
    const other = await fetch(`${bench.haishin.http}/api/v1/downloads`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${made?.token}`,
        'content-type': 'application/json',
        'idempotency-key': 'shared',
      },
      body: JSON.stringify({ components: ['virus-pattern'] }),
    });
    const { id } = (await other.json()) as { id: string };
    expect(other.status).toBe(202);
    expect(id).not.toBe(first.body.id);
    await bench.api.ended(id);
  });

  it('after the first one failed may be sent again', async () => {
    expect(await order('again', { components: ['absent'] })).toMatchObject({ status: 404 });
    expect(await order('again', { components: ['absent'] })).toMatchObject({ status: 404 });
  });

  it('with a key that is none are refused', async () => {
    expect(await order('x'.repeat(201))).toMatchObject({ status: 400, body: { code: 'idempotency-key-invalid' } });
  });
});
