import type { IndexEntry } from './published-index.js';
import { buildHeads, cacheControl, HeadCache } from './response-heads.js';

const entryOf = (path: string): IndexEntry => ({
  path,
  sha256: 'a'.repeat(64),
  etag: `"${'a'.repeat(64)}"`,
  size: 5,
  lastModified: 'Wed, 04 Mar 2026 05:06:07 GMT',
  lastModifiedMs: 0,
  file: '/nowhere',
  isManifest: path === 'server.ini',
  component: null,
});
const valueOf = (head: readonly string[], name: string): string | undefined => {
  const at = head.indexOf(name);
  return at < 0 ? undefined : head[at + 1];
};

describe('cacheControl', () => {
  it.each(['server.ini', 'pattern/v_239.sig', 'pattern/vsapi241.sig', 'pattern/gpl.zip', 'product/server.ini'])(
    'has %s asked for each time',
    (path) => {
      expect(cacheControl(entryOf(path), false)).toBe('no-cache');
    },
  );

  it.each(['pattern/vsapi241.zip', 'pattern/v_239.241', 'engine/ntkd12500.zip'])(
    'lets caches keep %s shortly',
    (path) => {
      expect(cacheControl(entryOf(path), false)).toBe('public, max-age=60, must-revalidate');
    },
  );

  it.each(['server.ini', 'pattern/v_239.sig', 'pattern/vsapi241.zip'])(
    'keeps %s of a frozen snapshot for good',
    (path) => {
      expect(cacheControl(entryOf(path), true)).toContain('immutable');
    },
  );
});

describe('buildHeads', () => {
  it('names type, size and validators', () => {
    const { ok, notModified, partial } = buildHeads(entryOf('pattern/vsapi241.ZIP'), 's1', false);
    expect(valueOf(ok, 'Content-Type')).toBe('application/zip');
    expect(valueOf(ok, 'Content-Length')).toBe('5');
    expect(valueOf(partial, 'Content-Length')).toBeUndefined();
    expect(valueOf(notModified, 'Content-Type')).toBeUndefined();
    for (const head of [ok, notModified, partial]) {
      expect(valueOf(head, 'ETag')).toBe(`"${'a'.repeat(64)}"`);
      expect(valueOf(head, 'X-Haishin-Snapshot')).toBe('s1');
    }
  });

  it('sends what it does not know as bytes', () => {
    expect(valueOf(buildHeads(entryOf('pattern/v_239.241'), 's1', false).ok, 'Content-Type')).toBe(
      'application/octet-stream',
    );
  });
});

describe('HeadCache', () => {
  it('keeps frozen and current heads, and those of each snapshot, apart', () => {
    const cache = new HeadCache();
    const entry = entryOf('server.ini');
    const first = { snapshot: 's1' };
    const second = { snapshot: 's2' };
    expect(cache.get(first, entry, false)).toBe(cache.get(first, entry, false));
    expect(valueOf(cache.get(first, entry, true).ok, 'Cache-Control')).toContain('immutable');
    expect(valueOf(cache.get(first, entry, false).ok, 'Cache-Control')).toBe('no-cache');
    expect(valueOf(cache.get(second, entry, false).ok, 'X-Haishin-Snapshot')).toBe('s2');
  });
});
