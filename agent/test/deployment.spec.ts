import { writeFileSync } from 'node:fs';
import { engine, pattern } from './support/components.js';
import type { DdiStub } from './support/ddi-stub.js';
import { endManagedProduct, startManagedProduct } from './support/managed-product.js';
import type { Sandbox } from './support/sandbox.js';

let stub: DdiStub;
let box: Sandbox;

beforeEach(async () => {
  ({ stub, box } = await startManagedProduct());
});
afterEach(() => endManagedProduct({ stub, box }));

describe('a deployment', () => {
  it('arrives by the held poll, is installed, restarts the scan service and is reported', async () => {
    const service = box.start(['run']);
    await stub.until('the first held poll', () =>
      stub.seen.some((one) => one.headers.prefer === 'wait=5' && !stub.wantsConfigData),
    );
    const component = pattern('1000');
    const action = stub.deploy([component]);
    const closed = await stub.untilClosed(action);
    expect(closed).toMatchObject({ finished: 'success', code: 0 });
    expect(closed.details).toContain('virus-pattern: not installed -> 1000');
    expect(action.feedback.map((one) => one.execution)).toEqual(['download', 'downloaded', 'proceeding', 'closed']);
    expect(box.current('virus-pattern')).toBe('1000');
    expect(box.content('virus-pattern', 'vsapi.zip').equals(component.files[0]!.content)).toBe(true);
    expect(box.hookCalls()).toEqual(['scan install virus-pattern']);
    expect(box.downloads()).toEqual([]);
    await stub.until(
      'the new version in the attributes',
      () => stub.attributes['component.virus-pattern.version'] === '1000',
    );
    expect(stub.attributes).toMatchObject({ 'haishin.schedule': 'off', 'haishin.update': 'idle' });
    expect(stub.attributes['haishin.capabilities']).toContain('rollback');
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null });
  });

  it('of several components restarts once, an engine the policy service too, and keeps one earlier generation', async () => {
    for (const version of ['1', '2', '3']) {
      const action = stub.deploy([pattern(version), engine(`1.${version}`)]);
      expect(await box.run(['once'])).toMatchObject({ code: 0 });
      expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    }
    expect(box.generations('virus-pattern')).toEqual(['2', '3']);
    expect(box.generations('virus-scan-engine')).toEqual(['1.2', '1.3']);
    expect(box.hookCalls().slice(-2)).toEqual([
      'scan install virus-pattern virus-scan-engine',
      'policy install virus-pattern virus-scan-engine',
    ]);
    expect(box.hookCalls()).toHaveLength(6);
  });

  it('restarts what the metadata say rather than what the name suggests', async () => {
    stub.deploy([{ ...engine('1'), metadata: { restarts: 'scan-service' } }]);
    await box.run(['once']);
    expect(box.hookCalls()).toEqual(['scan install virus-scan-engine']);
  });

  it('of what is installed already succeeds without a download or a restart', async () => {
    const component = pattern('7');
    stub.deploy([component]);
    await box.run(['once']);
    const before = stub.artifactRequests().length;
    const again = stub.deploy([component]);
    await box.run(['once']);
    expect(await stub.untilClosed(again)).toMatchObject({
      finished: 'success',
      details: ['virus-pattern: already current (7)'],
    });
    expect(stub.artifactRequests()).toHaveLength(before);
    expect(box.hookCalls()).toHaveLength(1);
  });

  it('of one version with other content is installed beside it', async () => {
    stub.deploy([pattern('7')]);
    await box.run(['once']);
    const other = pattern('7');
    const action = stub.deploy([other]);
    await box.run(['once']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    expect(box.content('virus-pattern', 'vsapi.zip').equals(other.files[0]!.content)).toBe(true);
    expect(box.generations('virus-pattern')).toHaveLength(2);
  });

  it.each([
    ['a component that leads out', { ...pattern('1'), component: '..' }, 'component-name-unsafe'],
    ['a file that leads out', pattern('1', { name: '../../etc/passwd' }), 'file-name-unsafe'],
    ['a file without SHA-256', pattern('1', { announce: { sha256: '' } }), 'hash-missing'],
  ])('with %s is refused before anything is fetched', async (_, component, code) => {
    const action = stub.deploy([component]);
    await box.run(['once']);
    const closed = await stub.untilClosed(action);
    expect(closed.finished).toBe('failure');
    expect(closed.details[0]).toContain(code);
    expect(stub.artifactRequests()).toEqual([]);
  });

  it.each([
    ['digest', { announce: { sha256: 'ab'.repeat(32) } }, 'verification: hash-mismatch'],
    ['size, larger', { announce: { size: 4000 } }, 'verification: size-mismatch'],
    ['size, smaller', { announce: { size: 6000 } }, 'verification: size-mismatch'],
  ])('with a wrong %s fails, and the others of it are not installed either', async (_, file, reason) => {
    const action = stub.deploy([engine('1'), pattern('1', file)]);
    await box.run(['once']);
    const closed = await stub.untilClosed(action);
    expect(closed).toMatchObject({ finished: 'failure', code: 62 });
    expect(closed.details[0]).toContain(reason);
    expect(box.current('virus-pattern')).toBeNull();
    expect(box.current('virus-scan-engine')).toBeNull();
    expect(box.downloads()).toEqual([]);
  });

  it('whose restart fails is taken back, and the output of the hook is reported', async () => {
    stub.deploy([pattern('1')]);
    await box.run(['once']);
    const failing = '[ "$HAISHIN_CAUSE" = revert ] || { echo "scan daemon: licence check failed" >&2; exit 3; }';
    box.configure(stub.url, { hooks: { scanService: box.hook('scan', failing) } });
    const action = stub.deploy([pattern('2')]);
    await box.run(['once']);
    const closed = await stub.untilClosed(action);
    expect(closed.finished).toBe('failure');
    expect(closed.details[0]).toMatch(/^restart: restart-failed: .*exit 3.*licence check failed/);
    expect(closed.details).toContain('virus-pattern: back at 1');
    expect(box.current('virus-pattern')).toBe('1');
    expect(box.generations('virus-pattern')).toEqual(['1']);
    expect(box.hookCalls().slice(-2)).toEqual(['scan install virus-pattern', 'scan revert virus-pattern']);
  });

  it('whose restart hangs is taken back when the time is over', async () => {
    box.configure(stub.url, {
      hooks: { scanService: '[ "$HAISHIN_CAUSE" = revert ] || sleep 600', timeoutSeconds: 0.3 },
    });
    const action = stub.deploy([pattern('2')]);
    await box.run(['once']);
    expect((await stub.untilClosed(action)).details[0]).toContain('no end within 0.3 s');
    expect(box.current('virus-pattern')).toBeNull();
  });

  it('bounds the output of a hook', async () => {
    box.configure(stub.url, { hooks: { scanService: 'head -c 1000000 /dev/zero | tr "\\0" x; exit 1' } });
    const action = stub.deploy([pattern('2')]);
    await box.run(['once']);
    const closed = await stub.untilClosed(action);
    expect(Math.max(...closed.details.map((detail) => detail.length))).toBeLessThanOrEqual(1000);
  });
});

it('SIGTERM during an installation lets it finish and reports it', async () => {
  const go = box.path('go');
  box.configure(stub.url, { hooks: { scanService: `until [ -e ${go} ]; do sleep 0.02; done` } });
  const action = stub.deploy([pattern('5')]);
  const service = box.start(['run']);
  await stub.until('the installation', () => box.current('virus-pattern') === '5');
  service.kill('SIGTERM');
  writeFileSync(go, '');
  expect(await service.ended).toMatchObject({ code: 0, signal: null });
  expect(action.feedback.at(-1)).toMatchObject({ execution: 'closed', finished: 'success' });
});
