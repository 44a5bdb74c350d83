import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type DdiStub, publish } from './support/ddi-stub.js';
import { endManagedProduct, startManagedProduct } from './support/managed-product.js';
import type { Sandbox } from './support/sandbox.js';
import { uniqueContent } from './support/served-file.js';

let stub: DdiStub;
let box: Sandbox;
const DAY_MS = 86_400_000;

function configure(more: Record<string, unknown> = {}, server: string | null = stub.url): void {
  box.configure(server, {
    updateSource: {
      url: `${stub.url}/activeupdate`,
      entries: {
        'virus-pattern': { entry: 'P.4', numbering: 'vsapi' },
        'virus-scan-engine': { entry: 'E.20000', numbering: 'engine' },
        'url-filtering-engine': { entry: 'E.99', numbering: 'engine' },
      },
    },
    schedule: { enabled: true, intervalSeconds: 0.3 },
    ...more,
  });
}

function release(pattern: string, engine: string): void {
  publish(stub, {
    'P.4': { path: `pattern/vsapi${pattern}.zip`, version: pattern, content: uniqueContent(3000) },
    'E.20000': { path: `engine/e${engine}.zip`, version: engine, content: uniqueContent(2000) },
  });
}

beforeEach(async () => {
  ({ stub, box } = await startManagedProduct());
  configure();
});
afterEach(() => endManagedProduct({ stub, box }));

const seenManifests = (): number => stub.seen.filter((one) => one.path.endsWith('/server.ini')).length;
const succeeded = (): unknown[] => stub.events.filter((one) => one['outcome'] === 'succeeded');

it('by schedule installs what is newer in one restart, reports it, and takes the next release when it appears', async () => {
  release('1724100', '12.5.1004');
  const service = box.start(['run']);
  await stub.until('both events', () => succeeded().length === 2);
  expect(succeeded()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        component: 'virus-pattern',
        trigger: 'schedule',
        versionBefore: null,
        version: '1724100',
        code: 0,
      }),
    ]),
  );
  expect(box.hookCalls()).toEqual([
    'scan install virus-pattern virus-scan-engine',
    'policy install virus-pattern virus-scan-engine',
  ]);
  expect(stub.attributes['haishin.update']).toBe('idle');
  release('1724180', '12.500.1004');
  const before = seenManifests();
  await stub.until('two more checks', () => seenManifests() >= before + 2);
  expect(box.current('virus-pattern')).toBe('1724100');
  release('1724300', '12.5.1004');
  await stub.until('the next event', () => succeeded().length === 3);
  expect(box.current('virus-pattern')).toBe('1724300');
  service.kill('SIGTERM');
  await service.ended;
});

it('tells the server while it runs, so that nothing is pushed meanwhile', async () => {
  release('1724100', '12.5');
  await box.run(['update']);
  const told = stub.seen.filter((one) => one.path.endsWith('/configData')).map((one) => one.body);
  expect(told).toEqual([
    expect.stringContaining('"haishin.update":"running"'),
    expect.stringContaining('"haishin.update":"idle"'),
  ]);
});

it('shows current, available, unknown and 0.0 in the table', async () => {
  release('1724100', '12.5.1004');
  await box.run(['update', 'virus-pattern']);
  release('1724300', '12.6.1');
  await box.run(['update', 'virus-scan-engine']);
  const { stdout } = await box.run(['status']);
  expect(stdout).toMatch(/^COMPONENT +CURRENT +AVAILABLE +LAST UPDATE +STATE$/m);
  expect(stdout).toMatch(/^virus-pattern +17\.241\.00 +17\.243\.00 +20\S+ +update needed$/m);
  expect(stdout).toMatch(/^url-filtering-engine +- +0\.0 +- +ok$/m);
  stub.source.clear();
  expect((await box.run(['update'])).code).toBe(1);
  const json = JSON.parse((await box.run(['status', '--json'])).stdout);
  expect(json.components.find((one: { component: string }) => one.component === 'virus-pattern')).toMatchObject({
    current: '17.241.00',
    available: 'unknown',
  });
});

it('of a component that fails does not hold up the others', async () => {
  release('1724100', '12.5');
  stub.source.delete('pattern/vsapi1724100.zip');
  const ended = await box.run(['update']);
  expect(ended.code).toBe(1);
  expect(ended.stdout).toMatch(/virus-pattern: failed .*source-http-status/);
  expect(box.current('virus-scan-engine')).toBe('12.5');
  expect(stub.events).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ component: 'virus-pattern', outcome: 'failed', code: 4 }),
      expect.objectContaining({ component: 'virus-scan-engine', outcome: 'succeeded', code: 0 }),
      expect.objectContaining({ component: 'url-filtering-engine', outcome: 'unchanged' }),
    ]),
  );
});

it('checks the digest that the update source gives as ETag', async () => {
  release('1724100', '12.5');
  await box.run(['update', 'virus-pattern']);
  const heads = stub.seen.filter((one) => one.method === 'HEAD');
  expect(heads).toHaveLength(1);
  expect(box.content('virus-pattern', 'vsapi1724100.zip').equals(stub.source.get('pattern/vsapi1724100.zip')!)).toBe(
    true,
  );
});

it('rolled back by hand, a component leaves the schedule until it is updated by hand', async () => {
  release('1724100', '12.5');
  await box.run(['update']);
  release('1724300', '12.5');
  await box.run(['update']);
  const back = await box.run(['rollback', 'virus-pattern']);
  expect(back).toMatchObject({ code: 0, stdout: 'virus-pattern: back at 1724100\n' });
  expect(stub.events.at(-1)).toMatchObject({
    trigger: 'rollback',
    outcome: 'succeeded',
    versionBefore: '1724300',
    version: '1724100',
  });
  const service = box.start(['run']);
  const before = seenManifests();
  await stub.until('two checks', () => seenManifests() >= before + 2);
  service.kill('SIGTERM');
  await service.ended;
  expect(box.current('virus-pattern')).toBe('1724100');
  expect((await box.run(['status'])).stdout).toMatch(/virus-pattern.*rolled back, not on schedule/);
  expect((await box.run(['rollback', 'virus-pattern'])).stderr).toContain('no earlier generation');
  await box.run(['update', 'virus-pattern']);
  expect(box.current('virus-pattern')).toBe('1724300');
});

it('is off while the server pushes, and on again when the hold is over', async () => {
  release('1724300', '12.5');
  const action = stub.deploy([
    { component: 'virus-pattern', version: '1724100', files: [{ name: 'v.zip', content: uniqueContent(10) }] },
  ]);
  await box.run(['once']);
  expect(action.state).toBe('succeeded');
  expect((await box.run(['status'])).stdout).toContain('schedule: off (the server pushes)');
  const service = box.start(['run']);
  await stub.until('a held poll', () => stub.seen.some((one) => one.headers.prefer !== undefined));
  service.kill('SIGTERM');
  await service.ended;
  expect(seenManifests()).toBe(0);
  box.writeState({ ...box.state(), lastPushAt: new Date(Date.now() - 2 * DAY_MS).toISOString() });
  const later = box.start(['run']);
  await stub.until('the schedule again', () => succeeded().length === 2);
  later.kill('SIGTERM');
  await later.ended;
});

it.each([
  ['went back by a year', 365 * DAY_MS],
  ['went ahead by a year', -365 * DAY_MS],
])('is not put off when the clock %s', async (_, offset) => {
  configure({ schedule: { enabled: true, intervalSeconds: 3600 } });
  release('1724100', '12.5');
  box.writeState({ lastScheduledCheckAt: new Date(Date.now() + offset).toISOString() });
  const service = box.start(['run']);
  await stub.until('the check', () => succeeded().length === 2);
  service.kill('SIGTERM');
  expect(await service.ended).toMatchObject({ code: 0 });
});

it('keeps its events on the disk while the server is away, and works without any server', async () => {
  release('1724100', '12.5');
  stub.valid.clear();
  expect((await box.run(['update'])).code).toBe(0);
  expect(stub.events).toEqual([]);
  expect(box.state()['events']).toHaveLength(3);
  stub.valid.add('TargetToken target-token-of-the-test');
  await box.run(['once']);
  expect(stub.events).toHaveLength(3);
  expect(box.state()['events']).toEqual([]);
  configure({ stateDirectory: box.path('alone') }, null);
  release('1724300', '12.5');
  expect((await box.run(['update'])).stdout).toContain('virus-pattern: succeeded (1724100 -> 1724300)');
});

it('follows the schedule and the source that the server sets, and refuses what it does not know', async () => {
  configure({
    schedule: { enabled: false },
    updateSource: { entries: { 'virus-pattern': { entry: 'P.4', numbering: 'vsapi' } } },
  });
  release('1724100', '12.5');
  const source = stub.command('set-update-source', { url: `${stub.url}/activeupdate/` });
  await box.run(['once']);
  expect(source.feedback).toMatchObject([{ execution: 'closed', finished: 'success' }]);
  const schedule = stub.command('set-schedule', { enabled: true, intervalSeconds: 1 });
  const service = box.start(['run']);
  await stub.until('the schedule to work', () => succeeded().length === 1);
  expect(schedule.feedback).toMatchObject([{ finished: 'success' }]);
  await stub.until('the attribute', () => stub.attributes['haishin.schedule'] === 'on');
  const unknown = stub.command('make-coffee');
  await stub.until('the refusal', () => !unknown.open);
  expect(unknown.feedback[0]).toMatchObject({ finished: 'failure' });
  expect(unknown.feedback[0]?.details[0]).toContain('not-supported');
  service.kill('SIGTERM');
  await service.ended;
});

it('stores a licence before anything is installed', async () => {
  box.configure(stub.url);
  rmSync(box.productDirectory, { recursive: true });
  const licence = stub.command('deliver-licence', { key: 'k' });
  await box.run(['once']);
  expect(licence.feedback).toMatchObject([{ finished: 'success' }]);
  const path = join(box.productDirectory, 'licence.json');
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ key: 'k' });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('carries out inventory, diagnostics, licence and rollback commands', async () => {
  configure({
    schedule: { enabled: false },
    hooks: { licence: `cat "$HAISHIN_LICENCE_FILE" > ${box.path('licence-seen')}` },
  });
  release('1724100', '12.5');
  await box.run(['update']);
  release('1724300', '12.5');
  await box.run(['update']);
  stub.attributes = {};
  const inventory = stub.command('refresh-inventory');
  await box.run(['once']);
  expect(inventory.feedback).toMatchObject([{ finished: 'success' }]);
  expect(stub.attributes['component.virus-pattern.version']).toBe('1724300');
  const diagnostics = stub.command('collect-diagnostics');
  await box.run(['once']);
  expect(diagnostics.feedback[0]?.details.join('\n')).toMatch(/MiB free[^]*virus-pattern: current 17\.243\.00/);
  const licence = stub.command('deliver-licence', { component: 'antispam-engine', expires: '2027-01-01' });
  await box.run(['once']);
  expect(licence.feedback).toMatchObject([
    { finished: 'success', details: ['the licence was stored and the hook accepted it'] },
  ]);
  const rollback = stub.command('rollback', { component: 'virus-pattern' });
  await box.run(['once']);
  expect(rollback.feedback).toMatchObject([
    { finished: 'success', details: expect.arrayContaining(['virus-pattern: 1724300 -> 1724100']) },
  ]);
  const again = stub.command('rollback', { component: 'virus-pattern' });
  await box.run(['once']);
  expect(again.feedback[0]?.details[0]).toContain('no-previous-generation');
});
