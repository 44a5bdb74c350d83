import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StubComponent } from './support/ddi-messages.js';
import { DdiStub, GATEWAY_TOKEN, TARGET_TOKEN } from './support/ddi-stub.js';
import { Sandbox } from './support/sandbox.js';
import { type StubFile, uniqueContent } from './support/served-file.js';

let stub: DdiStub;
let box: Sandbox;

beforeEach(async () => {
  stub = await new DdiStub().start();
  box = new Sandbox();
  box.configure(stub.url);
});
afterEach(async () => {
  await box.dispose();
  await stub.stop();
});

function pattern(version: string, file: Partial<StubFile> = {}): StubComponent {
  const content = file.content ?? uniqueContent(5000);
  return { component: 'virus-pattern', version, files: [{ name: 'vsapi.zip', ...file, content }] };
}

function engine(version: string): StubComponent {
  return { component: 'virus-scan-engine', version, files: [{ name: 'engine.zip', content: uniqueContent(3000) }] };
}

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

describe('a transfer', () => {
  it('that is cut goes on where it stopped', async () => {
    const content = uniqueContent(300_000);
    const action = stub.deploy([pattern('5', { content, cut: { after: 100_000, times: 2 } })]);
    await box.run(['once']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    const ranges = stub.artifactRequests().map((one) => one.headers.range);
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
    expect(stub.artifactRequests()[1]?.headers['if-range']).toMatch(/^"[0-9a-f]{64}"$/);
    expect(box.content('virus-pattern', 'vsapi.zip').equals(content)).toBe(true);
  });

  it('goes on after the agent was killed, too', async () => {
    const content = uniqueContent(400_000);
    const file: StubFile = { name: 'vsapi.zip', content, gate: new Promise(() => undefined) };
    const action = stub.deploy([{ component: 'virus-pattern', version: '5', files: [file] }]);
    const first = box.start(['once']);
    await stub.until('half the file', () => stub.artifactRequests().length > 0);
    const part = (): number => {
      const name = box.downloads().find((one) => one.endsWith('.part'));
      return name ? readFileSync(join(box.stateDirectory, 'downloads', name)).length : 0;
    };
    const poke = setInterval(() => stub.touch(), 10);
    await stub.until('half the file on the disk', () => part() === 200_000);
    clearInterval(poke);
    first.kill('SIGKILL');
    await first.ended;
    delete file.gate;
    await box.run(['once']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    expect(stub.artifactRequests().at(-1)?.headers.range).toBe('bytes=200000-');
    expect(box.content('virus-pattern', 'vsapi.zip').equals(content)).toBe(true);
  });

  it('that hangs is broken off and continued', async () => {
    box.configure(stub.url, { transfer: { idleTimeoutSeconds: 0.3 } });
    const content = uniqueContent(300_000);
    const file: StubFile = { name: 'vsapi.zip', content, gate: new Promise(() => undefined) };
    const action = stub.deploy([{ component: 'virus-pattern', version: '5', files: [file] }]);
    const run = box.start(['once']);
    await stub.until('the hanging transfer', () => stub.artifactRequests().length === 1);
    delete file.gate;
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    expect(stub.artifactRequests().map((one) => one.headers.range)).toEqual([undefined, 'bytes=150000-']);
    await run.ended;
  });

  it('starts over when the source cannot say that the file is still the same', async () => {
    const content = uniqueContent(300_000);
    const action = stub.deploy([pattern('5', { content, cut: { after: 100_000, times: 1 }, etag: null })]);
    await box.run(['once']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'success' });
    expect(stub.artifactRequests().map((one) => one.headers.range)).toEqual([undefined, undefined]);
  });

  it('gives up after its tries, with the number that means unreachable', async () => {
    const action = stub.deploy([pattern('5', { content: uniqueContent(300_000), cut: { after: 10, times: 99 } })]);
    await box.run(['once']);
    expect(await stub.untilClosed(action)).toMatchObject({ finished: 'failure', code: 28 });
    expect(stub.artifactRequests()).toHaveLength(5);
  });
});

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
