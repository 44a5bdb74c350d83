import { FINAL_STATES, GROUP_OF, TARGET_STATES, TRANSITIONS, type StateGroup } from './target-states.js';

const GROUP_NAME: Record<StateGroup, string> = {
  waiting: 'waiting',
  inProgress: 'in progress',
  successful: 'successful',
  unsuccessful: 'unsuccessful',
  none: 'none of these',
};

/** docs/command-states.md: made of the table by which the program works, so that it cannot say anything else. */
export function targetStatesDocument(): string {
  const states = TARGET_STATES.map(
    (state) => `| \`${state}\` | ${GROUP_NAME[GROUP_OF[state]]} | ${FINAL_STATES.includes(state) ? 'yes' : ''} |`,
  );
  const changes = TRANSITIONS.map(({ event, from, to, meaning }) => {
    const target = to === null ? 'stays' : to === 'before' ? 'as before the cancellation' : `\`${to}\``;
    return `| \`${event}\` | ${from.map((state) => `\`${state}\``).join(' ')} | ${target} | ${meaning} |`;
  });
  const arrows = TRANSITIONS.flatMap(({ event, from, to }) =>
    to === null || to === 'before'
      ? []
      : from.filter((state) => state !== to).map((state) => `  ${state} --> ${to}: ${event}`),
  );
  return [
    '# States of a command at one product',
    '',
    'Written by `haishin command-states` from `src/modules/commands/target-states.ts`; a test compares them. Each change is one',
    'conditional statement: of two that race, one wins and the other is told so. `slow` (no progress for 120 minutes) is a flag and',
    'never a state. After a failed try the order is offered again, unless it was the last one: three tries in all, half an hour apart, by default.',
    '',
    '| state | counted as | final |',
    '|---|---|---|',
    ...states,
    '',
    '| event | from | to | meaning |',
    '|---|---|---|---|',
    ...changes,
    '',
    '```mermaid',
    'stateDiagram-v2',
    ...arrows,
    '```',
    '',
  ].join('\n');
}
