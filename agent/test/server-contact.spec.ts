import { writeFileSync } from 'node:fs';
import { pattern } from './support/components.js';
import { type DdiStub, GATEWAY_TOKEN, TARGET_TOKEN } from './support/ddi-stub.js';
import { endManagedProduct, startManagedProduct } from './support/managed-product.js';
import type { Sandbox } from './support/sandbox.js';

let stub: DdiStub;
let box: Sandbox;

beforeEach(async () => {
  ({ stub, box } = await startManagedProduct());
});
afterEach(() => endManagedProduct({ stub, box }));

describe('the server', () => {
  it('away and back: the service keeps trying, and the outcome is delivered then', async () => {
    const action = stub.deploy([pattern('5')]);
    box.configure(stub.url, {
      hooks: { scanService: box.hook('scan', `until [ -e ${box.path('go')} ]; do sleep 0.02; done`) },
    });
    const service = box.start(['run']);
    await stub.until('the installation', () => action.feedback.some((one) => one.execution === 'proceeding'));
    await stub.stop();
    writeFileSync(box.path('go'), '');
    await service.logged(/the server is away/);
    await stub.start();
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    await service.logged(/the server is back/);
    expect(box.hookCalls()).toHaveLength(1);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0 });
    expect(box.state()['serverProblem']).toBeNull();
  });

  it('that is busy is left alone for as long as it asks', async () => {
    stub.refusals.push({ status: 503, headers: { 'retry-after': '1' } });
    const service = box.start(['run']);
    await stub.until('the refused poll', () => stub.seen.length === 1);
    const refusedAt = performance.now();
    await stub.until('the next poll', () => stub.seen.length === 2);
    expect(performance.now() - refusedAt).toBeGreaterThan(950);
    service.kill('SIGTERM');
    await service.ended;
  });

  it('that refuses the token is not hammered, and `once` says so', async () => {
    stub.valid.clear();
    const run = await box.run(['once']);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('server-refused');
    expect(run.stderr).not.toContain(TARGET_TOKEN);
    expect(stub.seen).toHaveLength(1);
  });

  it('hands out a target token at the first contact of a gateway token; refused later, the agent enrols again', async () => {
    box.configure(stub.url, { targetToken: undefined, gatewayToken: GATEWAY_TOKEN });
    stub.handOut = 'handed-out-token';
    stub.valid.add('TargetToken handed-out-token');
    await box.run(['once']);
    expect(stub.seen[0]?.headers.authorization).toBe(`GatewayToken ${GATEWAY_TOKEN}`);
    expect(stub.seen.at(-1)?.headers.authorization).toBe('TargetToken handed-out-token');
    stub.valid.delete('TargetToken handed-out-token');
    stub.handOut = null;
    expect(await box.run(['once'])).toMatchObject({ code: 0 });
    expect(stub.seen.at(-1)?.headers.authorization).toBe(`GatewayToken ${GATEWAY_TOKEN}`);
  });

  it('is told by which machine it is asked, the same by every program there', async () => {
    await box.run(['once']);
    await box.run(['once']);
    const told = new Set(stub.seen.map((one) => one.headers['x-haishin-instance']));
    expect([...told]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  it('is not chased when it offers the same failing deployment again and again', async () => {
    const action = stub.deploy([pattern('5', { announce: { size: 9 } })]);
    const service = box.start(['run']);
    await stub.until('ten failures', () => {
      if (action.state === 'failed') stub.change(action, { state: 'open' });
      return action.feedback.filter((one) => one.execution === 'closed').length >= 10;
    });
    const log = service.log;
    service.kill('SIGTERM');
    await service.ended;
    expect(log).toContain('size-mismatch');
  });
});
