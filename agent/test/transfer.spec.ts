import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pattern } from './support/components.js';
import type { DdiStub } from './support/ddi-stub.js';
import { endManagedProduct, startManagedProduct } from './support/managed-product.js';
import type { Sandbox } from './support/sandbox.js';
import { type StubFile, uniqueContent } from './support/served-file.js';

let stub: DdiStub;
let box: Sandbox;

beforeEach(async () => {
  ({ stub, box } = await startManagedProduct());
});
afterEach(() => endManagedProduct({ stub, box }));

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
