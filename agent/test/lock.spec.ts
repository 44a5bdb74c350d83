import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootId, machineId, processFacts } from '../src/files/process-identity.js';
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

const chunk = { component: 'virus-pattern', version: '1', files: [{ name: 'v.zip', content: uniqueContent(100) }] };

function owner(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    token: 'other',
    pid: process.pid,
    uid: 1234,
    user: 'mailscan',
    processStart: processFacts(process.pid).startTime,
    bootId: bootId(),
    machineId: machineId(),
    host: 'mx1',
    since: '2026-01-02T03:04:05.000Z',
    purpose: 'deployment 77',
    ...change,
  };
}

function writeLock(content: string): void {
  writeFileSync(join(box.stateDirectory, 'update.lock'), content);
}

it.each([
  ['of a process of an earlier boot', { bootId: 'another' }, /earlier boot/],
  ['of a process whose pid now belongs to another', { processStart: '1' }, /now belongs to another process/],
  ['of another machine, days old', { machineId: 'another' }, /more than a day ago/],
])('a lock %s is explained and cleared', async (_, change, explanation) => {
  writeLock(JSON.stringify(owner(change)));
  const action = stub.deploy([chunk]);
  const ended = await box.run(['once']);
  expect(ended.stderr).toMatch(/a stale lock was cleared/);
  expect(ended.stderr).toMatch(explanation);
  expect(ended.stderr).toContain('mailscan');
  expect(action.state).toBe('succeeded');
  expect(readdirSync(box.stateDirectory).filter((name) => name.includes('.lock'))).toEqual([]);
});

it('a lock of a process that has ended is cleared', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  writeLock(JSON.stringify(owner({ pid: child.pid, processStart: '5' })));
  const action = stub.deploy([chunk]);
  expect((await box.run(['once'])).stderr).toMatch(/no longer runs|another process/);
  expect(action.state).toBe('succeeded');
});

it.each(['', 'garbage', '{"pid":1}'])('a lock file that says nothing (%j) is cleared', async (content) => {
  writeLock(content);
  const action = stub.deploy([chunk]);
  await box.run(['once']);
  expect(action.state).toBe('succeeded');
});

it.each([
  ['a live process', {}],
  ['another machine since a minute ago', { machineId: 'another', since: new Date(Date.now() - 60_000).toISOString() }],
])('a lock of %s holds: the deployment waits and the reason is told once', async (_, change) => {
  writeLock(JSON.stringify(owner(change)));
  const action = stub.deploy([chunk]);
  await box.run(['once']);
  await box.run(['once']);
  expect(action.state).toBe('open');
  expect(action.feedback).toHaveLength(1);
  expect(action.feedback[0]?.execution).toBe('scheduled');
  expect(action.feedback[0]?.details[0]).toMatch(
    /another process is updating \(pid \d+, user mailscan, host mx1, since 20/,
  );
  expect(existsSync(join(box.stateDirectory, 'update.lock'))).toBe(true);
});

it('a person who updates meanwhile is refused with the holder named and exit code 3', async () => {
  writeLock(JSON.stringify(owner()));
  const ended = await box.run(['rollback', 'virus-pattern']);
  expect(ended.code).toBe(3);
  expect(ended.stderr).toContain(`pid ${process.pid}`);
  expect((await box.run(['status'])).stdout).toContain(`updating: deployment 77, pid ${process.pid}`);
});

it('a second service on one state directory is refused', async () => {
  const first = box.start(['run']);
  await first.logged(/started/);
  const second = await box.run(['run']);
  expect(second.code).toBe(3);
  expect(second.stderr).toContain('haishin-agent run');
  first.kill('SIGTERM');
  expect(await first.ended).toMatchObject({ code: 0 });
  expect(existsSync(join(box.stateDirectory, 'service.lock'))).toBe(false);
});

it('one that died while it cleared a stale lock is cleared as well', async () => {
  writeLock(JSON.stringify(owner({ bootId: 'another' })));
  writeFileSync(join(box.stateDirectory, 'update.lock.clearing'), JSON.stringify(owner({ bootId: 'another' })));
  const action = stub.deploy([chunk]);
  await box.run(['once']);
  expect(action.state).toBe('succeeded');
  expect(readdirSync(box.stateDirectory).filter((name) => name.includes('.lock'))).toEqual([]);
});

it('while somebody clears a stale lock nobody else takes anything away', async () => {
  const stale = JSON.stringify(owner({ bootId: 'another' }));
  writeLock(stale);
  writeFileSync(join(box.stateDirectory, 'update.lock.clearing'), JSON.stringify(owner()));
  expect((await box.run(['rollback', 'virus-pattern'])).code).toBe(3);
  expect(readFileSync(join(box.stateDirectory, 'update.lock'), 'utf8')).toBe(stale);
});

it('of many processes that race for a stale lock exactly one holds it at a time', async () => {
  writeLock(JSON.stringify(owner({ bootId: 'another' })));
  const log = box.path('race.log');
  const script = box.path('race.mjs');
  const source = new URL('../src/files/file-lock.ts', import.meta.url).href;
  // Each holder notes when it begins and ends; held twice at once would show as two begins in a row.
  writeFileSync(
    script,
    `import { appendFileSync } from 'node:fs';
     import { FileLock } from '${source}';
     const lock = new FileLock('${join(box.stateDirectory, 'update.lock')}', () => {});
     for (let done = 0; done < 5; ) {
       try {
         const release = await lock.acquire('race');
         appendFileSync('${log}', 'b' + process.pid + '\\n');
         await new Promise((resolve) => setImmediate(resolve));
         appendFileSync('${log}', 'e' + process.pid + '\\n');
         await release();
         done += 1;
       } catch (error) {
         if (error.code !== 'update-running') throw error;
         await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
       }
     }`,
  );
  const hooks = new URL('../../test/support/typescript-hooks.mjs', import.meta.url).href;
  const racers = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', hooks, script], { stdio: 'inherit' }),
  );
  const codes = await Promise.all(racers.map(async (racer) => (await once(racer, 'exit'))[0] as number));
  expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(60);
  for (let index = 0; index < lines.length; index += 2) {
    expect(lines[index]).toMatch(/^b/);
    expect(lines[index + 1]).toBe(lines[index]?.replace('b', 'e'));
  }
});
