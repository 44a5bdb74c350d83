import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Channel } from '../../src/mirror/snapshot/channel.js';
import { PublishedTree } from '../../src/mirror/source/published-tree.js';
import { PublishedFixture, RecordingLogger } from '../support/published-tree.js';

describe('PublishedTree', () => {
  let fixture: PublishedFixture;
  let logger: RecordingLogger;
  let tree: PublishedTree;

  beforeEach(async () => {
    fixture = await PublishedFixture.create();
    logger = new RecordingLogger();
    tree = new PublishedTree(fixture.dataDir, logger);
  });

  afterEach(async () => {
    tree.stop();
    await fixture.remove();
  });

  const publish = (snapshot: string, files: Record<string, string>) =>
    fixture.publish(
      'global',
      snapshot,
      Object.entries(files).map(([path, content]) => ({ path, content })),
    );

  const lookup = (channel: Channel, path: string) => tree.holding(channel, path)?.entries.get(path);
  const lookupIn = (channel: Channel, snapshot: string, path: string) =>
    tree.snapshot(channel, snapshot)?.entries.get(path);

  it('starts on an empty directory', async () => {
    await tree.start();
    expect(tree.currentSnapshot('global')).toBeNull();
    expect(lookup('global', 'server.ini')).toBeUndefined();
    expect(logger.at('error')).toEqual([]);
  });

  it('knows everything that an answer needs', async () => {
    await fixture.publish('global', 's1', [
      { path: 'Pattern/VSAPI241.zip', content: 'abc', component: 'virus-pattern' },
    ]);
    await tree.start();
    const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(lookup('global', 'pattern/vsapi241.zip')).toEqual({
      path: 'Pattern/VSAPI241.zip',
      sha256,
      etag: `"${sha256}"`,
      size: 3,
      lastModified: 'Wed, 04 Mar 2026 05:06:07 GMT',
      lastModifiedMs: Date.UTC(2026, 2, 4, 5, 6, 7),
      file: fixture.blobPath(sha256),
      isManifest: false,
      component: 'virus-pattern',
    });
    expect(tree.currentSnapshot('global')).toEqual({ id: 's1', publishedAt: '2026-01-01T00:00:00.000Z' });
    expect(tree.currentSnapshot('japan')).toBeNull();
  });

  it('sees a flip when refresh() resolves', async () => {
    await publish('s1', { 'server.ini': 'one' });
    await tree.refresh();
    await publish('s2', { 'server.ini': 'three' });
    await tree.refresh();
    expect(tree.currentSnapshot('global')?.id).toBe('s2');
    expect(lookup('global', 'server.ini')?.size).toBe(5);
  });

  it('sees a flip that happens while an earlier refresh is under way', async () => {
    await publish('s1', { 'server.ini': 'one' });
    for (let i = 2; i < 12; i++) {
      await fixture.stage('global', `s${i}`, [{ path: 'server.ini', content: String(i) }]);
      void tree.refresh();
      await fixture.flip('global', `s${i}`);
      await tree.refresh();
      expect(tree.currentSnapshot('global')?.id).toBe(`s${i}`);
    }
  });

  it('notices a flip by itself, without being told', async () => {
    await tree.start();
    await publish('s1', { 'server.ini': 'one' });
    await logger.waitFor((line) => line.facts.snapshot === 's1');
    await publish('s2', { 'server.ini': 'two' });
    await logger.waitFor((line) => line.facts.snapshot === 's2');
    expect(tree.currentSnapshot('global')?.id).toBe('s2');
  });

  it('serves a path that has gone from the newest retained snapshot that has it', async () => {
    await publish('s1', { 'server.ini': '1', 'a.zip': 'old', 'b.zip': 'only here' });
    await publish('s2', { 'server.ini': '2', 'a.zip': 'newer' });
    await publish('s3', { 'server.ini': '3' });
    await tree.refresh();
    expect(tree.holding('global', 'server.ini')?.snapshot).toBe('s3');
    expect(tree.holding('global', 'a.zip')?.snapshot).toBe('s2');
    expect(lookup('global', 'a.zip')?.size).toBe(5);
    expect(tree.holding('global', 'b.zip')?.snapshot).toBe('s1');
    expect(lookup('global', 'c.zip')).toBeUndefined();
    expect(lookupIn('global', 'S1', 'a.zip')?.size).toBe(3);
    expect(lookupIn('global', 's3', 'a.zip')).toBeUndefined();
    expect(tree.snapshots('global').map(({ id }) => id)).toEqual(['s3', 's2', 's1']);
  });

  it('never serves an earlier signature beside a file of now that has none', async () => {
    await publish('s1', {
      'pattern/v_239.241': 'a',
      'pattern/v_239.sig': 'of a',
      'pattern/w.zip': 'w',
      'pattern/w.sig': 'of w',
    });
    await publish('s2', { 'pattern/v_239.243': 'b' });
    await tree.start();
    expect(lookup('global', 'pattern/v_239.sig')).toBeUndefined();
    expect(lookupIn('global', 's1', 'pattern/v_239.sig')).toBeDefined();
    expect(lookup('global', 'pattern/w.sig')).toBeDefined();
  });

  it('forgets a snapshot that retention removed', async () => {
    await publish('s1', { 'server.ini': '1', 'a.zip': 'a' });
    await publish('s2', { 'server.ini': '2' });
    await tree.refresh();
    expect(lookup('global', 'a.zip')).toBeDefined();
    await fixture.retire('global', 's1');
    await tree.refresh();
    expect(lookup('global', 'a.zip')).toBeUndefined();
    expect(tree.snapshots('global').map(({ id }) => id)).toEqual(['s2']);
  });

  it('keeps a snapshot that was never put in force out of sight', async () => {
    await publish('s1', { 'server.ini': '1' });
    await fixture.stage('global', 's2', [{ path: 'new.zip', content: 'x' }]);
    await tree.refresh();
    expect(lookup('global', 'new.zip')).toBeUndefined();
    expect(lookupIn('global', 's2', 'new.zip')).toBeUndefined();
    await fixture.flip('global', 's2');
    await tree.refresh();
    expect(lookup('global', 'new.zip')).toBeDefined();
  });

  it.each([
    ['cut off', '{"version":1,"files":['],
    ['empty', ''],
    [
      'of another version',
      '{"version":2,"snapshot":"s2","channel":"global","publishedAt":"2026-01-01T00:00:00Z","files":[]}',
    ],
    [
      'of another snapshot',
      '{"version":1,"snapshot":"s9","channel":"global","publishedAt":"2026-01-01T00:00:00Z","files":[]}',
    ],
    [
      'leading out',
      `{"version":1,"snapshot":"s2","channel":"global","publishedAt":"2026-01-01T00:00:00Z","files":[{"path":"../x","sha256":"${'a'.repeat(64)}","size":1,"mtime":"2026-01-01T00:00:00Z"}]}`,
    ],
    [
      'naming a file by no digest',
      '{"version":1,"snapshot":"s2","channel":"global","publishedAt":"2026-01-01T00:00:00Z","files":[{"path":"x","sha256":"../../etc/passwd","size":1,"mtime":"2026-01-01T00:00:00Z"}]}',
    ],
  ])('keeps the earlier snapshot in force when the new index is %s, and says so once', async (_what, text) => {
    await publish('s1', { 'server.ini': 'good' });
    await tree.refresh();
    await fixture.stage('global', 's2', [{ path: 'server.ini', content: 'other' }]);
    await fixture.damage('global', 's2', text);
    await fixture.flip('global', 's2');
    await tree.refresh();
    await tree.refresh();
    expect(tree.currentSnapshot('global')?.id).toBe('s1');
    expect(lookup('global', 'server.ini')?.size).toBe(4);
    expect(logger.at('error')).toHaveLength(1);
    expect(logger.at('error')[0]?.facts).toMatchObject({ channel: 'global', serving: 's1' });
  });

  it('recovers by itself when the damage is mended', async () => {
    await publish('s1', { 'server.ini': 'good' });
    await tree.start();
    await fixture.stage('global', 's2', [{ path: 'server.ini', content: 'x' }]);
    await fixture.damage('global', 's2');
    await fixture.flip('global', 's2');
    await logger.waitFor((line) => line.level === 'error');
    await fixture.publish('global', 's3', [{ path: 'server.ini', content: 'mended' }]);
    await logger.waitFor((line) => line.facts.snapshot === 's3');
    expect(lookup('global', 'server.ini')?.size).toBe(6);
  });

  it('keeps serving when the published directory disappears', async () => {
    await publish('s1', { 'server.ini': 'good' });
    await tree.refresh();
    await rm(join(fixture.dataDir, 'published'), { recursive: true });
    await tree.refresh();
    expect(tree.currentSnapshot('global')?.id).toBe('s1');
    expect(logger.at('error')).toHaveLength(1);
  });

  it('leaves a damaged retained snapshot out and serves the others', async () => {
    await publish('s1', { 'a.zip': 'a' });
    await publish('s2', { 'b.zip': 'b' });
    await publish('s3', { 'server.ini': '3' });
    await fixture.damage('global', 's2');
    await tree.refresh();
    expect(tree.snapshots('global').map(({ id }) => id)).toEqual(['s3', 's1']);
    expect(lookup('global', 'a.zip')).toBeDefined();
    expect(lookup('global', 'b.zip')).toBeUndefined();
    expect(logger.at('warn')).toHaveLength(1);
    expect(logger.at('error')).toEqual([]);
  });

  it('reads a snapshot again that was rendered anew under the same id', async () => {
    await publish('s1', { 'server.ini': 'old' });
    await tree.refresh();
    await fixture.retire('global', 's1');
    await fixture.stage('global', 's1', [{ path: 'server.ini', content: 'rendered anew' }]);
    await tree.refresh();
    expect(lookup('global', 'server.ini')?.size).toBe(13);
  });

  it('shares in memory what snapshots have in common', async () => {
    await publish('s1', { 'server.ini': '1', 'same.zip': 'same' });
    await publish('s2', { 'server.ini': '2', 'same.zip': 'same' });
    await tree.refresh();
    expect(lookupIn('global', 's1', 'same.zip')).toBe(lookupIn('global', 's2', 'same.zip'));
    expect(lookupIn('global', 's1', 'server.ini')).not.toBe(lookupIn('global', 's2', 'server.ini'));
  });
});
