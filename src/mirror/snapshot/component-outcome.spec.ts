import { faultOf, saying } from '../../platform/errors/app-error.js';
import type { Component } from '../catalogue/component.entity.js';
import { Manifest } from '../manifest/manifest.js';
import type { Channel } from './channel.js';
import type { ComposedChannel } from './channel-composer.js';
import type { ChannelState } from './channel-states.js';
import { offersOf, outcomesOf, outcomesOfBuild, type OutcomeInput } from './component-outcome.js';
import type { GroupResult } from './round-input.js';
import type { Release } from './release.entity.js';
import type { BuildInput, ReadTree } from './tree-builder.js';

const manifest = Manifest.parse(
  Buffer.from('[Common]\r\n[PATTERN]\r\nP.4=a.zip, 200, 1\r\nP.9=b.zip, 7, 1\r\n', 'latin1'),
);
const component = { id: 'virus-pattern', entries: ['P.4'] } as Component;
const units = [...manifest.units.values()];
const fault = faultOf(saying('zip-corrupt', { why: 'it is torn' }));

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

describe('how a run ended for a component of two channels with sources of their own', () => {
  const empty: ChannelState = {
    snapshotId: null,
    publishedAt: null,
    manifestLost: false,
    held: null,
    releases: new Map(),
  };
  const build = (global: GroupResult[] | null, japan: GroupResult[] | null): BuildInput => ({
    components: [component],
    states: { global: empty, japan: empty },
    holds: { global: new Map(), japan: new Map() },
    global: global && { manifest, groups: global, sourceUrl: '' },
    japan: japan && { manifest, groups: japan, sourceUrl: '' },
    upstreamHosts: [],
  });
  /** Each channel has the release `before`, and would have the digest and units that are given. */
  const told = (input: BuildInput, digests: Record<Channel, string | null>): unknown => {
    const current = [{ componentId: component.id, version: '100', contentDigest: 'before' } as Release];
    const tree = (digest: string | null): ComposedChannel =>
      ({ releases: new Map(digest === null ? [] : [[component.id, { digest, units: group().units }]]) }) as never;
    const run = { build: input, current: { global: current, japan: current }, takesPart: new Set([component.id]) };
    const trees = { global: tree(digests.global), japan: tree(digests.japan) };
    const [first] = outcomesOfBuild({ ...run, trees, published: true, missing: new Set() });
    return [first?.outcome, first?.offered, Object.keys(first?.changed ?? {})];
  };
  const other = [group({ key: 'P.9', componentId: null })];
  const same = [group()];
  const fetched = [group({ action: 'fetch' })];
  const failing = [group({ action: 'earlier', fault })];

  it.each<[string, GroupResult[] | null, GroupResult[] | null, Record<Channel, string | null>, unknown]>([
    ['new in both', fetched, fetched, { global: 'new', japan: 'new' }, ['updated', '200', ['global', 'japan']]],
    ['new in one', same, fetched, { global: 'before', japan: 'new' }, ['updated', '200', ['japan']]],
    [
      'new in the only one that was read',
      null,
      fetched,
      { global: 'before', japan: 'new' },
      ['updated', '200', ['japan']],
    ],
    [
      'the same in the only one that was read',
      null,
      same,
      { global: 'before', japan: 'before' },
      ['unchanged', '200', []],
    ],
    [
      'new in one, and failed in the other',
      fetched,
      failing,
      { global: 'new', japan: 'before' },
      ['failed', '200', ['global']],
    ],
    ['carried by one alone', other, same, { global: null, japan: 'before' }, ['unchanged', '200', []]],
    ['carried by none', other, other, { global: null, japan: null }, ['not-carried', null, []]],
  ])('%s', (_, global, japan, digests, expected) => {
    expect(told(build(global, japan), digests)).toEqual(expected);
  });

  it('what the sources offer is told of those that were read', () => {
    expect(offersOf(build(null, failing))).toEqual({ japan: [{ id: component.id, offered: '200', error: fault }] });
    expect(offersOf({ ...build(other, null), japan: 'derive' })).toEqual({
      global: [{ id: component.id, offered: null, error: null }],
    });
  });
});
