import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DdiStub } from './support/ddi-stub.js';
import { endManagedProduct, startManagedProduct } from './support/managed-product.js';
import type { Sandbox } from './support/sandbox.js';
import { uniqueContent } from './support/served-file.js';

const MIB = 1024 * 1024;
let stub: DdiStub;
let box: Sandbox;
const mounted: string[] = [];

beforeEach(async () => {
  ({ stub, box } = await startManagedProduct());
});
afterEach(async () => {
  for (const path of mounted.splice(0)) execFileSync('umount', [path]);
  await endManagedProduct({ stub, box });
});

const mountable = canMount();
if (!mountable) process.stderr.write('skipped: a small file system cannot be mounted here\n');
const itMounted = mountable ? it : it.skip;

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A real small file system. */
function smallDisk(name: string): string {
  const path = box.path(name);
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path]);
  mounted.push(path);
  return path;
}

function pattern(version: string, size: number): Parameters<DdiStub['deploy']>[0] {
  return [{ component: 'virus-pattern', version, files: [{ name: 'vsapi.zip', content: uniqueContent(size) }] }];
}

itMounted('while downloading ends the deployment clearly and frees what it had taken', async () => {
  const disk = smallDisk('small-state');
  box.stateDirectory = disk;
  box.configure(stub.url);
  const action = stub.deploy(pattern('1', 3 * MIB));
  expect(await box.run(['once'])).toMatchObject({ code: 0 });
  const closed = await stub.untilClosed(action);
  expect(closed.finished).toBe('failure');
  expect(closed.details[0]).toMatch(/^installation: disk-full: the disk is full: ENOSPC/);
  expect(box.downloads()).toEqual([]);
  expect(box.current('virus-pattern')).toBeNull();
  const small = stub.deploy(pattern('2', MIB / 4));
  await box.run(['once']);
  expect(small.state).toBe('succeeded');
});

itMounted(
  'while installing leaves the old release whole, nothing staged, and recovers when there is room',
  async () => {
    const disk = smallDisk('small-product');
    box.productDirectory = disk;
    box.configure(stub.url);
    stub.deploy(pattern('1', MIB / 2));
    await box.run(['once']);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(1.2 * MIB));
    const action = stub.deploy(pattern('2', MIB));
    await box.run(['once']);
    const closed = await stub.untilClosed(action);
    expect(closed.details[0]).toMatch(/^installation: disk-full/);
    expect(closed.details).toContain('nothing was changed');
    expect(box.current('virus-pattern')).toBe('1');
    expect(box.generations('virus-pattern')).toEqual(['1']);
    expect(box.hookCalls()).toHaveLength(1);
    rmSync(join(disk, 'ballast'));
    const again = stub.deploy(pattern('2', MIB));
    await box.run(['once']);
    expect(again.state).toBe('succeeded');
    expect(box.generations('virus-pattern')).toEqual(['1', '2']);
  },
);
