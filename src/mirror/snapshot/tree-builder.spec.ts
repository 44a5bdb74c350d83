import type { Component } from '../catalogue/component.entity.js';
import { Manifest } from '../manifest/manifest.js';
import type { FetchedFile } from './fetched-file.js';
import type { GroupResult } from './round-input.js';
import type { ChannelState } from './channel-states.js';
import { buildTrees, emptyManifest, versionOfDraft, type BuildInput, type Hold } from './tree-builder.js';

const pattern = { id: 'virus-pattern', entries: ['P.4'], variants: ['80'] } as Component;
const NOTHING = {
  snapshotId: null,
  publishedAt: null,
  held: null,
  manifestLost: false,
  releases: new Map(),
} as unknown as ChannelState;

function read(version: string): { manifest: Manifest; groups: GroupResult[]; sourceUrl: string } {
  const manifest = Manifest.parse(
    Buffer.from(`[Common]\r\n[PATTERN]\r\nP.4=pattern/a.zip, ${version}, 5\r\n`, 'latin1'),
  );
  const units = [...manifest.units.values()];
  const files = units
    .flatMap((unit) => unit.files)
    .map((reference): FetchedFile => ({ reference, sha256: 'a'.repeat(64), size: 5, mtime: '', signature: null }));
  const group: GroupResult = { key: pattern.id, componentId: pattern.id, units, action: 'fetch', fault: null, files };
  return { manifest, groups: [group], sourceUrl: 'http://vendor.example' };
}

function build(change: Partial<BuildInput>): ReturnType<typeof buildTrees> {
  return buildTrees({
    components: [pattern],
    states: { global: NOTHING, japan: NOTHING },
    holds: { global: new Map(), japan: new Map() },
    global: read('1724100'),
    japan: 'derive',
    upstreamHosts: [],
    ...change,
  });
}

const text = (tree: { manifest: Buffer }): string => tree.manifest.toString('latin1');

describe('building both channels', () => {
  it('derives japan from the global one', () => {
    const { global, japan } = build({});
    expect(text(global)).toContain('P.4=pattern/a.zip, 1724100, 5');
    expect(text(japan)).toContain('P.4=pattern/a.zip, 1724180, 5');
    expect(japan.files).toEqual(global.files);
  });

  it('derives it whichever way the entry is typed', () => {
    const { japan } = build({ components: [{ ...pattern, entries: ['p.4'] }] });
    expect(text(japan)).toContain('P.4=pattern/a.zip, 1724180, 5');
  });

  it('derives nothing when japan has a source of its own', () => {
    expect(text(build({ japan: read('1724100') }).japan)).toContain('1724100');
  });

  it('leaves a channel alone whose source was not read', () => {
    const { japan } = build({ japan: null });
    expect(text(japan)).toBe(emptyManifest().document.toBuffer().toString('latin1'));
    expect(japan.files.size).toBe(0);
  });

  it('puts an upload into a mirror that has never read a source', () => {
    const lines = [{ unitId: 'P.4', lines: [{ section: 'PATTERN', text: 'P.4=pattern/up.zip, 1800000, 9' }] }];
    const file = { path: 'pattern/up.zip', role: 'full' as const, sha256: 'b'.repeat(64), size: 9, fromVersion: null };
    const hold: Hold = { release: { version: '1800000' }, lines, files: [{ ...file, mtime: '', signature: null }] };
    const held = new Map([[pattern.id, hold]]);
    const { global, japan } = build({ global: null, holds: { global: held, japan: held } });
    expect(text(global)).toMatch(/\[PATTERN\]\r\nP\.4=pattern\/up\.zip, 1800000, 9\r\n/);
    expect(text(japan)).toContain('1800080');
    expect([...global.files.keys()]).toEqual(['pattern/up.zip']);
    const draft = global.releases.get(pattern.id);
    if (draft === undefined) throw new Error('no release was drafted');
    expect(versionOfDraft(pattern, draft, held)).toBe('1800000');
    expect(versionOfDraft({ ...pattern, entries: [] }, { ...draft, units: [] }, held)).toBe('1800000');
  });
});
