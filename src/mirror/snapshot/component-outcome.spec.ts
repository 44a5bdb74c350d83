import type { Component } from '../catalogue/component.entity.js';
import { Manifest } from '../manifest/manifest.js';
import type { ComposedChannel } from './channel-composer.js';
import type { ChannelState } from './channel-states.js';
import { outcomesOf, outcomesOfBuild, type OutcomeInput } from './component-outcome.js';
import type { GroupResult } from './mirror-run.js';
import type { ReadTree } from './tree-builder.js';

const manifest = Manifest.parse(
  Buffer.from('[Common]\r\n[PATTERN]\r\nP.4=a.zip, 200, 1\r\nP.9=b.zip, 7, 1\r\n', 'latin1'),
);
const component = { id: 'virus-pattern', entries: ['P.4'] } as Component;
const units = [...manifest.units.values()];
const fault = { code: 'zip-corrupt', message: 'The archive is damaged.' };

function group(change: Partial<GroupResult> = {}): GroupResult {
  const own = units.filter(({ id }) => id === 'P.4');
  return {
    key: 'virus-pattern',
    componentId: 'virus-pattern',
    units: own,
    action: 'same',
    fault: null,
    files: [],
    ...change,
  };
}

function outcome(change: Partial<OutcomeInput>): unknown {
  const [first] = outcomesOf({
    components: [component],
    groups: [group()],
    before: new Map([['virus-pattern', '100']]),
    after: new Map([['virus-pattern', '100']]),
    held: new Set(),
    changed: new Set(),
    takesPart: () => true,
    ...change,
  });
  return first?.outcome;
}

describe('how a run ended for a component', () => {
  const pinned = { held: new Set(['virus-pattern']) };
  const changed = { changed: new Set(['virus-pattern']) };
  const cases: [string, Partial<OutcomeInput>, string][] = [
    ['another release is published', { groups: [group({ action: 'fetch' })], ...changed }, 'updated'],
    ['fetched, and the same content after all', { groups: [group({ action: 'fetch' })] }, 'unchanged'],
    ['nothing new', {}, 'unchanged'],
    ['nothing new, and not asked for', { takesPart: () => false }, 'left-out'],
    ['new, and not asked for', { groups: [group({ action: 'earlier' })] }, 'left-out'],
    ['it could not be had', { groups: [group({ action: 'earlier', fault })], ...changed }, 'failed'],
    ['a person decided otherwise', { groups: [group({ action: 'earlier' })], ...pinned }, 'held'],
    ['a decision that this run ended', { groups: [group({ action: 'fetch' })], ...pinned, ...changed }, 'updated'],
    ['not to be mirrored', { groups: [group({ action: 'drop' })] }, 'not-selected'],
    ['the source does not have it', { groups: [group({ key: 'P.9', componentId: null })] }, 'not-carried'],
    [
      'the source does not have it, a person uploaded it',
      { groups: [group({ key: 'P.9', componentId: null })], ...pinned },
      'held',
    ],
    ['the tree was not read', { groups: [] }, 'unchanged'],
    ['the tree was not read, and it was never there', { groups: [], after: new Map() }, 'not-carried'],
  ];

  it.each(cases)('%s', (_, change, expected) => {
    expect(outcome(change)).toBe(expected);
  });

  it('tells versions before, after and offered, and why it failed', () => {
    const failed = group({ action: 'earlier', fault });
    expect(
      outcomesOf({
        components: [component, { id: 'absent', entries: [] } as unknown as Component],
        groups: [failed],
        before: new Map([['virus-pattern', '100']]),
        after: new Map([['virus-pattern', '100']]),
        held: new Set(),
        changed: new Set(),
        takesPart: () => true,
      }),
    ).toEqual([
      {
        id: 'virus-pattern',
        outcome: 'failed',
        versionBefore: '100',
        versionAfter: '100',
        offered: '200',
        error: fault,
      },
      { id: 'absent', outcome: 'not-carried', versionBefore: null, versionAfter: null, offered: null, error: null },
    ]);
  });

  it('names entries without a component only when they failed', () => {
    const own = units.filter(({ id }) => id === 'P.9');
    const unclaimed = group({ key: 'P.9', componentId: null, units: own });
    const tell = (each: GroupResult): string[] =>
      outcomesOf({
        components: [],
        groups: [each],
        before: new Map(),
        after: new Map(),
        held: new Set(),
        changed: new Set(),
        takesPart: () => true,
      }).map(({ id, outcome: kind, offered }) => `${id} ${kind} ${offered}`);
    expect(tell(unclaimed)).toEqual([]);
    expect(tell({ ...unclaimed, action: 'earlier', fault })).toEqual(['P.9 failed 7']);
  });

  it('tells which version of such an entry stays', () => {
    const own = units.filter(({ id }) => id === 'P.9');
    const failed = group({ key: 'P.9', componentId: null, units: own, action: 'earlier', fault });
    const tree = (groups: GroupResult[]): ReadTree => ({ manifest, groups, sourceUrl: '' });
    const published = (text: string): ChannelState => ({
      snapshotId: 's',
      publishedAt: null,
      manifestLost: false,
      held: { manifest: Manifest.parse(Buffer.from(text, 'latin1')), files: new Map() },
      releases: new Map(),
    });
    const none: ComposedChannel = { manifest, bytes: Buffer.alloc(0), files: [], releases: new Map() } as never;
    const [told] = outcomesOfBuild({
      build: {
        components: [],
        states: { global: published('[Common]\r\n[PATTERN]\r\nP.9=b.zip, 6, 1\r\n'), japan: published('[Common]\r\n') },
        holds: { global: new Map(), japan: new Map() },
        global: tree([failed]),
        japan: 'derive',
        upstreamHosts: [],
      },
      trees: { global: none, japan: none },
      current: { global: [], japan: [] },
      takesPart: new Set(),
      published: false,
      missing: new Set(),
    });
    expect(told).toMatchObject({ id: 'P.9', outcome: 'failed', versionBefore: '6', versionAfter: '6', offered: '7' });
  });
});
