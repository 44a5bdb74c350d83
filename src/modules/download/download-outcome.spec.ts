import type { ComponentOutcome, OutcomeKind } from '../../mirror/snapshot/component-outcome.js';
import { AppError, faultOf, saying } from '../../platform/errors/app-error.js';
import { availabilityOf, endOfPublished, eventsOf, failureEvent, stateOf } from './download-outcome.js';
import type { Download } from './download.entity.js';

const fault = faultOf(saying('zip-corrupt', { why: 'it is torn' }));

function component(outcome: OutcomeKind, change: Partial<ComponentOutcome> = {}): ComponentOutcome {
  const error = outcome === 'failed' ? fault : null;
  return { id: 'virus-pattern', outcome, versionBefore: '100', versionAfter: '100', offered: '200', error, ...change };
}

describe('how a download ended whose snapshot is recorded, although nobody came to say so', () => {
  const open = { snapshotId: 's', error: null, outcomes: [] as ComponentOutcome[] };
  const end = (change: Partial<Download>): unknown => endOfPublished({ ...open, ...change } as Download);

  it.each([
    ['nothing was published', { snapshotId: null }, null],
    ['all came', { outcomes: [component('updated')] }, { state: 'succeeded', snapshotId: 's', error: null }],
    ['one failed', { outcomes: [component('failed')] }, { state: 'partial', error: null }],
    ['one channel could not be read', { error: fault }, { state: 'partial', error: fault }],
  ])('%s', (_, change, expected) => {
    if (expected === null) expect(end(change)).toBeNull();
    else expect(end(change)).toMatchObject(expected);
  });
});

describe('how a download ended', () => {
  const state = (outcomes: OutcomeKind[], snapshotId: string | null = null, unread = 0): string =>
    stateOf({
      snapshotId,
      outcomes: outcomes.map((each) => component(each)),
      channelFaults: [fault, fault].slice(0, unread),
    });

  it.each([
    [['updated', 'unchanged'], 's', 'succeeded'],
    [['unchanged'], null, 'unchanged'],
    [[], null, 'unchanged'],
    [['failed', 'updated'], 's', 'partial'],
    [['failed', 'unchanged'], null, 'partial'],
    [['failed', 'left-out', 'not-carried'], null, 'failed'],
    [['failed', 'held'], null, 'failed'],
    // Only entries that no component claims came.
    [['failed'], 's', 'partial'],
  ] as [OutcomeKind[], string | null, string][])('%j, snapshot %s: %s', (outcomes, snapshotId, expected) => {
    expect(state(outcomes, snapshotId)).toBe(expected);
  });

  it('in part, when one channel could not be read', () => {
    expect(state([], null, 1)).toBe('partial');
    expect(state(['updated'], 's', 1)).toBe('partial');
    expect(state(['failed'], null, 1)).toBe('failed');
  });

  it('as failed, when neither channel could be read', () => {
    expect(state([], null, 2)).toBe('failed');
  });
});

describe('what is known of the available version', () => {
  it.each([
    ['a version', component('unchanged'), { state: 'version', version: '200', reason: null }],
    ['nothing, with the reason', component('failed'), { state: 'unknown', version: null, reason: 'zip-corrupt' }],
    [
      'that the source does not carry it',
      component('not-carried', { offered: null }),
      { state: 'not-carried', version: null },
    ],
  ] as const)('%s', (_, outcome, expected) => {
    expect(availabilityOf(outcome)).toMatchObject(expected);
  });
});

describe('lines of the update log', () => {
  const all: OutcomeKind[] = ['updated', 'unchanged', 'failed', 'not-carried', 'held', 'left-out', 'not-selected'];
  const told = (trigger: 'manual' | 'schedule'): string[] =>
    eventsOf(
      'd',
      { trigger, startedBy: 'somebody' },
      all.map((each) => component(each)),
    ).map(({ outcome }) => outcome);

  it('tell a person what is current already, and leave the schedule quiet about it', () => {
    expect(told('manual')).toEqual(['updated', 'unchanged', 'failed']);
    expect(told('schedule')).toEqual(['updated', 'failed']);
  });

  it('tell the schedule too what was lost and fetched again', () => {
    const lines = eventsOf('d', { trigger: 'schedule', startedBy: 'schedule' }, [
      component('unchanged', { restored: true }),
    ]);
    expect(lines).toMatchObject([{ outcome: 'unchanged', params: { restored: true } }]);
  });

  it('tell what failed in one channel and came into force in the other', () => {
    const global = { versionBefore: '100', versionAfter: '200' };
    const failed = component('failed', { versionBefore: '180', versionAfter: '180', changed: { global } });
    expect(eventsOf('d', { trigger: 'schedule', startedBy: 'schedule' }, [failed])).toMatchObject([
      { outcome: 'updated', versionBefore: '100', version: '200', code: null },
      { outcome: 'failed', versionBefore: '180', version: '180', code: 'zip-corrupt' },
    ]);
  });

  it('of a run that came to nothing: one, without a component', () => {
    const error = new AppError('upstream', 'upstream-unreachable.by-proxy');
    expect(failureEvent('d', { trigger: 'schedule', startedBy: 'schedule' }, error)).toMatchObject({
      componentId: null,
      outcome: 'failed',
      code: 'upstream-unreachable',
      downloadId: 'd',
    });
  });
});
