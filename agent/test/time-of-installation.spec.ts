import { pattern } from './support/components.js';
import type { DdiStub } from './support/ddi-stub.js';
import { endManagedProduct, startManagedProduct } from './support/managed-product.js';
import type { Sandbox } from './support/sandbox.js';

let stub: DdiStub;
let box: Sandbox;

beforeEach(async () => {
  ({ stub, box } = await startManagedProduct());
});
afterEach(() => endManagedProduct({ stub, box }));

describe('when to install', () => {
  it('downloads outside the maintenance window, says so once, and installs when it opens', async () => {
    const action = stub.deploy([pattern('5')], { update: 'skip', maintenanceWindow: 'unavailable' });
    const service = box.start(['run']);
    const base = `/DEFAULT/controller/v1/product-1/deploymentBase/${action.id}`;
    const looks = (): number => stub.seen.filter((one) => one.path === base).length;
    await stub.until('several looks at the waiting action', () => looks() >= 3);
    expect(box.current('virus-pattern')).toBeNull();
    expect(action.feedback.map((one) => [one.execution, one.details[0]])).toEqual([
      ['download', 'virus-pattern: taking 5'],
      ['downloaded', 'vsapi.zip: 5000 bytes, SHA-256 as announced'],
      ['downloaded', 'waiting for the maintenance window'],
    ]);
    stub.change(action, { update: 'forced', maintenanceWindow: 'available' });
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    expect(stub.artifactRequests()).toHaveLength(1);
    service.kill('SIGTERM');
    await service.ended;
  });

  it('ends a download-only order when the files are here, and a later order for them fetches nothing again', async () => {
    const release = pattern('5');
    const action = stub.deploy([release], { update: 'skip' });
    await box.run(['once']);
    expect(action.feedback.map((one) => [one.execution, one.finished])).toEqual([
      ['download', 'none'],
      ['downloaded', 'none'],
      ['downloaded', 'success'],
    ]);
    expect(box.current('virus-pattern')).toBeNull();
    stub.change(action, { state: 'succeeded' });
    const second = stub.deploy([release]);
    await box.run(['once']);
    expect(await stub.untilClosed(second)).toMatchObject({ finished: 'success' });
    expect(box.current('virus-pattern')).toBe('5');
    expect(stub.artifactRequests()).toHaveLength(1);
  });

  it('does not even download while the server does not want it', async () => {
    const action = stub.deploy([pattern('5')], { download: 'skip', update: 'skip' });
    await box.run(['once']);
    expect(action.feedback.map((one) => one.execution)).toEqual(['scheduled']);
    expect(stub.artifactRequests()).toEqual([]);
  });

  it('waits for its own window with what may wait, not with what is forced', async () => {
    const hour = (new Date().getHours() + 12) % 24;
    const clock = (at: number): string => `${String(at % 24).padStart(2, '0')}:00`;
    box.configure(stub.url, { installWindow: { start: clock(hour), end: clock(hour + 1) } });
    const action = stub.deploy([pattern('5')], { update: 'attempt' });
    await box.run(['once']);
    expect(action.feedback.at(-1)?.details[0]).toContain('local installation window');
    expect(box.current('virus-pattern')).toBeNull();
    stub.change(action, { update: 'forced' });
    await box.run(['once']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
  });

  it('asks a local operator when consent is not automatic', async () => {
    box.configure(stub.url, { confirmation: { auto: false } });
    const action = stub.deploy([pattern('5')], { state: 'confirming' });
    await box.run(['once']);
    expect(action.state).toBe('confirming');
    expect(await box.run(['confirm'])).toMatchObject({ code: 0, stdout: 'confirmed\n' });
    await box.run(['once']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    const other = stub.deploy([pattern('6')], { state: 'confirming' });
    expect(await box.run(['deny'])).toMatchObject({ code: 0 });
    expect(other.feedback.map((one) => one.execution)).toEqual(['denied']);
    stub.actions.delete(other.id);
    const nothing = await box.run(['deny']);
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain('no deployment waits for consent');
  });

  it('consents by itself when it may', async () => {
    const action = stub.deploy([pattern('5')], { state: 'confirming' });
    const service = box.start(['run']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    service.kill('SIGTERM');
    await service.ended;
  });
});
