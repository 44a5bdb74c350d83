import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openSource } from '../../src/mirror/upstream/source-factory.js';
import type { UpstreamSource } from '../../src/mirror/upstream/source.js';
import { Bench, faultOf } from './upstream-server.js';

const LAST_MODIFIED = 'Tue, 03 Mar 2026 04:05:06 GMT';
const manifest = Buffer.from('[PATTERN]\r\nP.4=pattern/a.zip, 100, 5000000\r\n');
const pattern = randomBytes(5_000_000);
const signature = randomBytes(300);
const files: Record<string, Buffer> = {
  'server.ini': manifest,
  'pattern/a.zip': pattern,
  'pattern/a.sig': signature,
  'empty.bin': Buffer.alloc(0),
};
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Opens a source that holds `files`; `change` replaces one of them later. */
type Opener = (
  bench: Bench,
) => Promise<{ source: UpstreamSource; change: (path: string, bytes: Buffer) => Promise<void> }>;

const overHttp: Opener = async (bench) => {
  const held = { ...files };
  const server = await bench.serve((request, response) => {
    const bytes = held[(request.url ?? '').slice('/base/'.length)];
    if (bytes === undefined)
      return void response.writeHead(404, { 'content-type': 'text/html' }).end('<html>no</html>');
    const etag = `"${hash(bytes)}"`;
    const validators = { etag, 'last-modified': LAST_MODIFIED };
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, validators).end();
    response.writeHead(200, { 'content-length': bytes.length, ...validators }).end(bytes);
  });
  const change = (path: string, bytes: Buffer): Promise<void> => Promise.resolve(void (held[path] = bytes));
  return { source: bench.source(`${server.origin}/base`), change };
};

const inDirectory =
  (address: (path: string) => string): Opener =>
  async (bench) => {
    const root = join(bench.directory, 'mounted share');
    const change = async (path: string, bytes: Buffer): Promise<void> => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), bytes);
      const time = new Date(LAST_MODIFIED);
      await utimes(join(root, path), time, time);
    };
    for (const [path, bytes] of Object.entries(files)) await change(path, bytes);
    const source = openSource({ url: address(root), store: bench.store, userAgent: 'unused' });
    return { source, change };
  };

const openers: [string, Opener][] = [
  ['HttpSource', overHttp],
  ['DirectorySource by path', inDirectory((path) => path)],
  ['DirectorySource by URL', inDirectory((path) => pathToFileURL(path).href)],
];

describe.each(openers)('the contract of an upstream source: %s', (_, open) => {
  let bench: Bench;
  let source: UpstreamSource;
  let change: (path: string, bytes: Buffer) => Promise<void>;
  beforeEach(async () => {
    bench = await Bench.open();
    ({ source, change } = await open(bench));
  });
  afterEach(async () => {
    await source.close();
    await bench.close();
  });

  it('gives a small file with its validators', async () => {
    const result = await source.fetchSmall('server.ini', { maxBytes: 1000 });
    expect(result).toEqual({
      status: 'ok',
      body: manifest,
      etag: expect.stringMatching(/^".+"$/),
      lastModified: LAST_MODIFIED,
    });
  });

  it('tells an unchanged file by its validators, and a changed one', async () => {
    const first = await source.fetchSmall('server.ini', { maxBytes: 1000 });
    if (first.status !== 'ok') throw new Error('no content');
    const conditional = { etag: first.etag ?? '', lastModified: first.lastModified ?? '' };
    expect(await source.fetchSmall('server.ini', { maxBytes: 1000, conditional })).toEqual({ status: 'not-modified' });
    await change('server.ini', Buffer.from('[PATTERN]\r\n'));
    expect(await source.fetchSmall('server.ini', { maxBytes: 1000, conditional })).toMatchObject({
      body: Buffer.from('[PATTERN]\r\n'),
    });
  });

  it('refuses a small file beyond the limit', async () => {
    expect(await faultOf(source.fetchSmall('server.ini', { maxBytes: 10 }))).toMatchObject({
      kind: 'upstream',
      code: 'size-exceeded',
    });
  });

  it('stores a blob, to the byte, and counts its bytes', async () => {
    let progress = 0;
    const blob = await source.fetchBlob('pattern/a.zip', {
      size: 5_000_000,
      maxBytes: 1e9,
      onProgress: (bytes) => (progress += bytes),
    });
    expect(blob).toMatchObject({ status: 'ok', sha256: hash(pattern), size: 5_000_000, lastModified: LAST_MODIFIED });
    expect(progress).toBe(5_000_000);
    expect((await readFile(bench.store.pathOf(blob.sha256))).equals(pattern)).toBe(true);
  });

  it('stores blobs of unknown size and of no bytes', async () => {
    expect(await source.fetchBlob('pattern/a.zip', { size: null, maxBytes: 1e9 })).toMatchObject({
      sha256: hash(pattern),
    });
    expect(await source.fetchBlob('empty.bin', { size: 0, maxBytes: 10 })).toMatchObject({
      sha256: hash(Buffer.alloc(0)),
      size: 0,
    });
  });

  it.each([4_999_999, 5_000_001])('refuses a blob that was announced with %i bytes', async (size) => {
    expect(await faultOf(source.fetchBlob('pattern/a.zip', { size, maxBytes: 1e9 }))).toMatchObject({
      kind: 'upstream',
      code: 'size-mismatch',
      details: { expected: size, url: expect.stringContaining('pattern/a.zip') },
    });
  });

  it('refuses a blob beyond the limit', async () => {
    const fault = await faultOf(source.fetchBlob('pattern/a.zip', { size: null, maxBytes: 4_000_000 }));
    expect(fault).toMatchObject({ code: 'size-exceeded' });
  });

  it('stores an optional file, tells that it is unchanged, and that there is none', async () => {
    const first = await source.fetchOptional('pattern/a.sig', { maxBytes: 1000 });
    expect(first).toMatchObject({ status: 'ok', sha256: hash(signature), size: 300 });
    if (first?.status !== 'ok') throw new Error('no content');
    const conditional = { etag: first.etag ?? '' };
    expect(await source.fetchOptional('pattern/a.sig', { maxBytes: 1000, conditional })).toEqual({
      status: 'not-modified',
    });
    expect(await source.fetchOptional('pattern/b.sig', { maxBytes: 1000 })).toBeNull();
  });

  it('misses what is not there', async () => {
    for (const path of ['pattern/none.zip', 'none/a.zip', 'server.ini/a']) {
      expect(await faultOf(source.fetchBlob(path, { size: null, maxBytes: 10 }))).toMatchObject({
        code: 'upstream-not-found',
      });
      expect(await faultOf(source.fetchSmall(path, { maxBytes: 10 }))).toMatchObject({
        code: 'upstream-not-found',
        message: expect.stringContaining(path) as unknown,
      });
    }
  });

  it.each(['../server.ini', 'pattern/../server.ini', '/server.ini', 'pattern\\a.zip', 'a\0'])(
    'refuses the path %j',
    async (path) => {
      expect((await faultOf(source.fetchSmall(path, { maxBytes: 10 }))).code).toBe('upstream-path-refused');
    },
  );

  it('does nothing for a signal that is aborted already', async () => {
    const signal = AbortSignal.abort();
    const fault = await faultOf(source.fetchBlob('pattern/a.zip', { size: null, maxBytes: 1e9, signal }));
    expect(fault).toMatchObject({ kind: 'conflict', code: 'cancelled' });
    expect((await faultOf(source.fetchSmall('server.ini', { maxBytes: 1000, signal }))).code).toBe('cancelled');
  });

  it('stops when it is cancelled on the way', async () => {
    const cancel = new AbortController();
    const onProgress = (): void => cancel.abort();
    const fetch = source.fetchBlob('pattern/a.zip', {
      size: 5_000_000,
      maxBytes: 1e9,
      signal: cancel.signal,
      onProgress,
    });
    expect((await faultOf(fetch)).code).toBe('cancelled');
    expect(await bench.store.has(hash(pattern))).toBe(false);
  });
});

describe('a directory as a source', () => {
  let bench: Bench;
  let root: string;
  let source: UpstreamSource;
  beforeEach(async () => {
    bench = await Bench.open();
    root = join(bench.directory, 'share');
    await mkdir(join(root, 'Pattern'), { recursive: true });
    await writeFile(join(root, 'Pattern', 'A.ZIP'), 'upper');
    source = openSource({ url: root, store: bench.store, userAgent: 'unused' });
  });
  afterEach(() => bench.close());
  const small = (path: string) => source.fetchSmall(path, { maxBytes: 1000 });

  it('finds names that differ in case only, and prefers the exact one', async () => {
    expect(await small('pattern/a.zip')).toMatchObject({ body: Buffer.from('upper') });
    await mkdir(join(root, 'pattern'));
    await writeFile(join(root, 'pattern', 'a.zip'), 'exact');
    expect(await small('pattern/a.zip')).toMatchObject({ body: Buffer.from('exact') });
  });

  it('looks into every folder whose name differs in case only', async () => {
    const put = async (folder: string, name: string): Promise<void> => {
      await mkdir(join(root, folder), { recursive: true });
      await writeFile(join(root, folder, name), `${folder}/${name}`);
    };
    await put('pattern/sub', 'b.zip');
    await put('PATTERN/Sub', 'C.zip');
    await put('Pattern/SUB', 'd.zip');
    await writeFile(join(root, 'paTTern'), 'no folder');
    for (const [asked, found] of [
      ['pattern/a.zip', 'upper'],
      ['Pattern/sub/B.ZIP', 'pattern/sub/b.zip'],
      ['pattern/sub/c.zip', 'PATTERN/Sub/C.zip'],
      ['PATTERN/SUB/D.zip', 'Pattern/SUB/d.zip'],
      ['paTTern/sub/b.zip', 'pattern/sub/b.zip'],
    ] as const)
      expect(await small(asked)).toMatchObject({ body: Buffer.from(found) });
    expect((await faultOf(small('pattern/sub/e.zip'))).code).toBe('upstream-not-found');
  });

  it('follows links inside and refuses those that lead out', async () => {
    await symlink(join(root, 'Pattern', 'A.ZIP'), join(root, 'inside'));
    await symlink('/etc/hostname', join(root, 'outside'));
    await symlink('/etc', join(root, 'folder'));
    await symlink(`${root}-sibling`, join(root, 'sibling'));
    await mkdir(`${root}-sibling`);
    await writeFile(join(`${root}-sibling`, 'a'), 'x');
    expect(await small('inside')).toMatchObject({ body: Buffer.from('upper') });
    for (const path of ['outside', 'folder/hostname', 'sibling/a'])
      expect(await faultOf(small(path))).toMatchObject({
        code: 'upstream-refused',
        details: { reason: 'outside-directory' },
      });
  });

  it('does not wait for a pipe, and takes no directory for a file', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const path of ['pipe', 'Pattern']) expect((await faultOf(small(path))).code).toBe('upstream-not-found');
  });

  it('does not take a file that is changed while it is read, even when its size stays', async () => {
    const size = 3_000_000;
    const path = join(root, 'copied.zip');
    await writeFile(path, Buffer.alloc(size));
    const onProgress = (): void => writeFileSync(path, Buffer.alloc(10, 1), { flag: 'r+' });
    const fetched = source.fetchBlob('copied.zip', { size, maxBytes: size, onProgress });
    expect((await faultOf(fetched)).code).toBe('upstream-truncated');
    await expect(source.fetchBlob('copied.zip', { size, maxBytes: size })).resolves.toMatchObject({ size });
  });

  it('that is not mounted is unreachable, not empty', async () => {
    source = openSource({ url: join(bench.directory, 'none'), store: bench.store, userAgent: 'unused' });
    expect(await faultOf(small('server.ini'))).toMatchObject({
      code: 'upstream-unreachable',
      details: { reason: 'missing-directory' },
    });
    expect((await faultOf(source.fetchOptional('a.sig', { maxBytes: 10 }))).code).toBe('upstream-unreachable');
  });

  it.each(['file://server/share', 'share/relative', 'smb://server/share'])('cannot be at %s', (url) => {
    const open = () => openSource({ url, store: bench.store, userAgent: 'unused' });
    expect(open).toThrow(expect.objectContaining({ kind: 'bad-input', code: 'upstream-url-invalid' }));
  });
});
