import { FINAL_STATES, GROUP_OF, OPEN_STATES, TARGET_STATES, TRANSITIONS } from './target-states.js';

describe('the table of states', () => {
  it('knows final states by having no way on but a person', () => {
    expect([...FINAL_STATES].sort()).toEqual(['cancelled', 'expired', 'failed', 'skipped', 'succeeded', 'superseded']);
    expect(FINAL_STATES.every((state) => ['successful', 'unsuccessful', 'none'].includes(GROUP_OF[state]))).toBe(true);
    expect(OPEN_STATES.every((state) => ['waiting', 'inProgress'].includes(GROUP_OF[state]))).toBe(true);
  });

  it('never counts what was superseded, skipped, expired or cancelled as unsuccessful', () => {
    expect(TARGET_STATES.filter((state) => GROUP_OF[state] === 'unsuccessful')).toEqual(['failed']);
  });

  it('reaches every state', () => {
    const reached = new Set(TRANSITIONS.flatMap(({ to, from }) => (to === 'before' || to === null ? from : [to])));
    expect(TARGET_STATES.filter((state) => !reached.has(state))).toEqual([]);
  });

  it('names each event once', () => {
    expect(new Set(TRANSITIONS.map(({ event }) => event)).size).toBe(TRANSITIONS.length);
  });

  it('lets a person retry what failed, and nothing else', () => {
    expect(TRANSITIONS.find(({ event }) => event === 'retry')?.from).toEqual(['failed']);
  });
});
