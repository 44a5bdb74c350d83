import { feedback } from '../server/ddi-messages.js';
import {
  MAX_EVENTS,
  MAX_FEEDBACK,
  MAX_FINISHED,
  type OwnEvent,
  addEvent,
  addFinished,
  emptyState,
} from './agent-state.js';

function event(id: string): OwnEvent {
  return {
    id,
    time: '2026-01-01T00:00:00Z',
    component: 'virus-pattern',
    trigger: 'schedule',
    outcome: 'failed',
    versionBefore: null,
    version: '1',
    code: 28,
    message: 'away',
  };
}

it('keeps the newest events when the server is away for too long, and counts the others', () => {
  const state = emptyState();
  for (let index = 0; index < MAX_EVENTS + 7; index += 1) addEvent(state, event(String(index)));
  expect(state.events).toHaveLength(MAX_EVENTS);
  expect(state.events[0]?.id).toBe('7');
  expect(state.eventsDropped).toBe(7);
  addEvent(state, event('20'));
  expect(state.events).toHaveLength(MAX_EVENTS);
});

it('remembers orders once each and within bounds', () => {
  const state = emptyState();
  const body = feedback('1', 'closed', 'success', []);
  for (let index = 0; index < 200; index += 1) {
    addFinished(state, { orderId: `deployment/${index % 150}`, succeeded: true, body }, 'http://server/feedback');
  }
  expect(state.finished).toHaveLength(MAX_FINISHED);
  expect(state.feedback).toHaveLength(MAX_FEEDBACK);
  expect(new Set(state.finished.map((one) => one.orderId)).size).toBe(MAX_FINISHED);
});
