import { writeFileSync } from 'node:fs';
import { pattern } from './support/components.js';
import type { DdiStub } from './support/ddi-stub.js';
import { endManagedProduct, startManagedProduct } from './support/managed-product.js';
import type { Sandbox } from './support/sandbox.js';
import { uniqueContent } from './support/served-file.js';

let stub: DdiStub;
let box: Sandbox;

beforeEach(async () => {
  ({ stub, box } = await startManagedProduct());
});
afterEach(() => endManagedProduct({ stub, box }));

describe('a cancellation', () => {
  it('before the deployment began is accepted', async () => {
    const action = stub.deploy([pattern('5')], { state: 'cancelling' });
    await box.run(['once']);
    expect(action.cancelFeedback.map((one) => one.execution)).toEqual(['closed']);
    expect(action.state).toBe('cancelled');
  });

  it('during the download stops it', async () => {
    const action = stub.deploy([pattern('5', { content: uniqueContent(500_000), gate: new Promise(() => undefined) })]);
    const run = box.start(['once']);
    await stub.until('the download to begin', () => action.feedback.some((one) => one.execution === 'download'));
    stub.cancel(action);
    await stub.until('the cancellation to be accepted', () => action.state === 'cancelled');
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(box.current('virus-pattern')).toBeNull();
    expect(box.downloads()).toEqual([]);
    expect(box.state()['deployment']).toBeNull();
  });

  it('after the download, before the installation, is accepted', async () => {
    box.configure(stub.url, { polling: { cancelCheckSeconds: 3600 } });
    const action = stub.deploy([pattern('5')]);
    stub.onFeedback = (_, feedback) => {
      if (feedback.execution === 'proceeding') stub.cancel(action);
    };
    expect(await box.run(['once'])).toMatchObject({ code: 0 });
    expect(action.state).toBe('cancelled');
    expect(action.cancelFeedback.map((one) => one.execution)).toEqual(['closed']);
    expect(box.current('virus-pattern')).toBeNull();
    expect(box.generations('virus-pattern')).toEqual([]);
    expect(box.hookCalls()).toEqual([]);
  });

  it('while waiting for the maintenance window is accepted', async () => {
    const action = stub.deploy([pattern('5')], { update: 'skip', maintenanceWindow: 'unavailable' });
    const service = box.start(['run']);
    await stub.until('waiting', () =>
      action.feedback.some((one) => one.details[0]?.startsWith('waiting for') ?? false),
    );
    stub.cancel(action);
    await stub.until('the cancellation to be accepted', () => action.state === 'cancelled');
    service.kill('SIGTERM');
    await service.ended;
    expect(box.downloads()).toEqual([]);
  });

  it('during the installation is refused, and the installation goes on', async () => {
    const go = box.path('go');
    box.configure(stub.url, {
      hooks: { scanService: `touch ${box.path('restarting')}; until [ -e ${go} ]; do sleep 0.02; done` },
    });
    const action = stub.deploy([pattern('5')]);
    const run = box.start(['once']);
    await stub.until('the installation', () => action.feedback.some((one) => one.execution === 'proceeding'));
    await stub.until('the pointer', () => box.current('virus-pattern') === '5');
    stub.cancel(action);
    await stub.until('the refusal', () => action.cancelFeedback.length > 0);
    expect(action.cancelFeedback[0]).toMatchObject({ execution: 'rejected' });
    writeFileSync(go, '');
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    await run.ended;
    expect(box.current('virus-pattern')).toBe('5');
  });

  it('of an action that is simply gone stops the work quietly', async () => {
    const action = stub.deploy([pattern('5', { content: uniqueContent(500_000), gate: new Promise(() => undefined) })]);
    const run = box.start(['once']);
    await stub.until('the download to begin', () => stub.artifactRequests().length > 0);
    stub.change(action, { state: 'failed' });
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(box.state()['deployment']).toBeNull();
  });
});
