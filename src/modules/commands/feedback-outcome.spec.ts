import type { Feedback } from '../agents/agents.api.js';
import type { ActionRow } from './action.repository.js';
import { factsOf, MAX_FEEDBACKS, outcomeOf } from './feedback-outcome.js';
import { eventOf, failureReason, percentOf } from './feedback-rules.js';
import { TARGET_STATES, transitionOf, type TargetState } from './target-states.js';
import { EXECUTIONS } from '../agents/action.port.js';

const now = new Date('2026-01-01T12:00:00Z');
const command = {
  tries: 3,
  retryMinutes: 30,
  type: 'deploy' as const,
  parameters: { mode: { download: 'forced', update: 'forced' } },
};
const message = (more: Partial<Feedback> = {}): Feedback => ({
  execution: 'closed',
  finished: 'none',
  code: null,
  progress: null,
  messages: [],
  dropped: 0,
  ...more,
});
const action = (more: Partial<ActionRow> = {}): ActionRow => ({
  month: '2026-01-01',
  commandSeq: '1',
  controllerId: 'mx1',
  actionId: '7',
  state: 'installing',
  held: null,
  attempt: 1,
  components: ['rules'],
  confirmation: null,
  stateBeforeCancel: null,
  deliveredAt: now,
  expiresAt: new Date('2026-01-02T12:00:00Z'),
  endedAt: null,
  feedbackCount: 0,
  droppedMessages: 0,
  versionBefore: null,
  ...more,
});
const decide = (row: ActionRow, feedback: Feedback, order = command) =>
  outcomeOf(order, row, eventOf(order, feedback, row.state), { feedback, now, versionAfter: '2.0' });

describe('what a message makes of an action', () => {
  it('never leads where the table of transitions does not', () => {
    const open = TARGET_STATES.filter((state) => transitionOf('report-success').from.includes(state));
    for (const state of open)
      for (const execution of EXECUTIONS)
        for (const finished of ['none', 'success', 'failure'] as const) {
          const outcome = decide(action({ state }), message({ execution, finished }));
          const { from, to } = transitionOf(outcome.event);
          expect(from).toContain(state);
          if (to !== null && to !== 'before') expect(outcome.state).toBe(to);
        }
  });

  it('takes closed without a result for success', () => {
    expect(decide(action(), message())).toMatchObject({
      state: 'succeeded',
      final: true,
      set: { version_after: '2.0' },
    });
  });

  it('ends a download-only order when the product says that it has done all of it', () => {
    const only = { ...command, parameters: { mode: { download: 'forced', update: 'skip' } } };
    const downloaded = message({ execution: 'downloaded', finished: 'success' });
    for (const state of ['downloading', 'installing', 'cancelling'] as const)
      expect(decide(action({ state }), downloaded, only)).toMatchObject({ state: 'succeeded', final: true });
    expect(decide(action(), downloaded)).toMatchObject({ state: 'downloaded', final: false });
    const onTheWay = message({ execution: 'downloaded' });
    expect(decide(action(), onTheWay, only)).toMatchObject({ state: 'downloaded', final: false });
  });

  it('gives another try while there is one and time for it', () => {
    const failure = message({ finished: 'failure' });
    expect(decide(action(), failure)).toMatchObject({
      state: 'queued',
      again: true,
      final: false,
      set: { held: 'retry', attempt: 2, next_attempt_at: new Date('2026-01-01T12:30:00Z') },
      attempt: { state: 'failed' },
    });
    expect(decide(action({ attempt: 3 }), failure)).toMatchObject({ state: 'failed', again: false });
    expect(decide(action({ expiresAt: new Date('2026-01-01T12:30:00Z') }), failure)).toMatchObject({ state: 'failed' });
    expect(decide(action({ state: 'cancelling' }), failure)).toMatchObject({ state: 'failed' });
  });

  it('counts what it drops beyond the bounds, and goes on changing the state', () => {
    const full = action({ feedbackCount: MAX_FEEDBACKS, droppedMessages: 5 });
    expect(factsOf(full, message({ messages: ['a', 'b'], dropped: 3 }), now)).toMatchObject({ dropped_messages: 10 });
    expect(factsOf(full, message(), now)['feedback_count']).toBeUndefined();
    expect(factsOf(action(), message(), now)).toMatchObject({ feedback_count: 1 });
    expect(decide(full, message()).state).toBe('succeeded');
  });

  it('goes back to where a refused cancellation found it', () => {
    const outcome = outcomeOf(
      command,
      action({ state: 'cancelling', stateBeforeCancel: 'downloading' }),
      'cancel-refused',
      {
        feedback: message({ execution: 'rejected' }),
        now,
        versionAfter: null,
      },
    );
    expect(outcome).toMatchObject({ state: 'downloading', set: { state_before_cancel: null }, wakes: true });
  });
});

describe('the words of products', () => {
  it('says why a product failed, in its own word or by what it was doing', () => {
    const said = (text: string, state: TargetState = 'installing') =>
      failureReason(message({ messages: ['begins', text] }), state);
    expect(said('verification: 62: wrong sum')).toBe('verification');
    expect(said('restart: hook-failed: exit 1')).toBe('restart');
    expect(said('unknown: word')).toBe('installation');
    expect(said('no word', 'downloading')).toBe('download');
    expect(said('no word', 'delivered')).toBe('download');
  });

  it('reads progress as a share', () => {
    expect(percentOf(message())).toBeNull();
    expect(percentOf(message({ progress: { done: 1, total: 3 } }))).toBe(33);
    expect(percentOf(message({ progress: { done: 9, total: 3 } }))).toBe(100);
    expect(percentOf(message({ progress: { done: -9, total: 3 } }))).toBe(0);
  });
});
