import type { Numbering } from '../../mirror/manifest/version.js';
import { connectionOf } from './connection-state.js';
import { componentReport, readInventory } from './inventory.js';
import { effectiveIntervals } from './agent-group.service.js';
import type { AgentGroup } from './agent-group.entity.js';

const numberings = new Map<string, Numbering>([
  ['virus-pattern', 'vsapi'],
  ['virus-scan-engine', 'engine'],
]);

const key = (id: string): string => `component.${id}.version`;

describe('the inventory in attributes', () => {
  const reported = (data: Record<string, string>) => componentReport({}, 'replace', data, numberings).items;

  it('reads versions in either form', () => {
    for (const version of ['15.697.80', '1569780'])
      expect(reported({ 'component.virus-pattern.version': version })).toEqual([
        { componentId: 'virus-pattern', version: '15.697.80', rawVersion: '1569780', variant: '80' },
      ]);
  });

  it('keeps what it cannot read as it is', () => {
    expect(reported({ 'component.virus-pattern.version': 'broken' })).toEqual([
      { componentId: 'virus-pattern', version: 'broken', rawVersion: 'broken', variant: null },
    ]);
  });

  it('leaves out what is nonsense, and bounds the rest', () => {
    const data: Record<string, string> = {
      'component..version': '1',
      'component.A.version': '1',
      'component.x.version': ' ',
    };
    for (let index = 0; index < 300; index += 1) data[`component.c${index}.version`] = '1';
    expect(reported(data)).toHaveLength(200);
  });

  it('understands schedule, update, callback and capabilities', () => {
    expect(readInventory({})).toMatchObject({
      ownSchedule: null,
      ownUpdateRunning: false,
      callbackUrl: null,
      capabilities: [],
    });
    expect(
      readInventory({
        'haishin.schedule': 'on',
        'haishin.update': 'running',
        'haishin.callback': 'https://mx1/wake',
        'haishin.capabilities': 'Rollback,,bad word,rollback',
      }),
    ).toMatchObject({
      ownSchedule: 'on',
      ownUpdateRunning: true,
      callbackUrl: 'https://mx1/wake',
      capabilities: ['rollback'],
    });
  });
});

describe('what a report takes away', () => {
  const withdrawn = (
    before: Record<string, string>,
    mode: 'merge' | 'replace' | 'remove',
    data: Record<string, string>,
  ) => componentReport(before, mode, data, numberings).withdrawn;

  it('is nothing when it does not speak of components', () => {
    expect(withdrawn({}, 'replace', { device: 'board' })).toEqual([]);
    expect(withdrawn({ [key('a')]: '1' }, 'merge', { device: 'board' })).toEqual([]);
  });

  it('is everything else when it is the whole inventory', () => {
    expect(withdrawn({}, 'replace', { [key('a')]: '1' })).toBe('others');
    expect(withdrawn({ [key('a')]: '1' }, 'replace', {})).toBe('others');
  });

  it('is what it names without a version', () => {
    expect(withdrawn({}, 'merge', { [key('a')]: '', [key('b')]: '2' })).toEqual(['a']);
    expect(withdrawn({ [key('a')]: '1' }, 'remove', { [key('a')]: '' })).toEqual(['a']);
  });

  it('never repeats a version that an earlier report told', () => {
    expect(componentReport({ [key('a')]: '1' }, 'merge', { [key('b')]: '2' }, numberings).items).toMatchObject([
      { componentId: 'b', version: '2' },
    ]);
  });
});

describe('how a product stands', () => {
  const last = new Date('2026-01-01T00:00:00Z');
  const after = (minutes: number) => connectionOf(last, 900, new Date(last.getTime() + minutes * 60_000));

  it('is overdue after three intervals and offline after twelve, each since that moment', () => {
    expect(after(45)).toEqual({ state: 'online', since: last });
    expect(after(46)).toEqual({ state: 'overdue', since: new Date('2026-01-01T00:45:00Z') });
    expect(after(180)).toMatchObject({ state: 'overdue' });
    expect(after(181)).toEqual({ state: 'offline', since: new Date('2026-01-01T03:00:00Z') });
    expect(connectionOf(null, 900, last)).toEqual({ state: 'never', since: null });
  });

  it('stays online when the clock was set back', () => {
    expect(after(-600)).toMatchObject({ state: 'online' });
  });
});

describe('the interval of a group', () => {
  const group = (id: string, parentId: string | null, pollIntervalSeconds: number | null): AgentGroup => ({
    id,
    parentId,
    name: id,
    pollIntervalSeconds,
    builtIn: false,
    createdAt: new Date(0),
  });

  it('is its own, else the nearest one above, else the default', () => {
    const groups = [
      group('a', null, 60),
      group('b', 'a', null),
      group('c', 'b', 30),
      group('d', 'c', null),
      group('e', null, null),
    ];
    expect(Object.fromEntries(effectiveIntervals(groups, 900))).toEqual({ a: 60, b: 60, c: 30, d: 30, e: 900 });
  });
});
