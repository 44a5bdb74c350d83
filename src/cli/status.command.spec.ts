import type { ComponentView } from '../modules/download/component.view.js';
import { noteOf, reasonsOf } from './status.command.js';

describe('the note of a component', () => {
  const component = {
    available: { state: 'version' },
    selected: true,
    scheduled: true,
    licensed: true,
  } as ComponentView;

  it.each<[string, Partial<ComponentView>]>([
    ['', {}],
    ['not selected', { selected: false }],
    ['rolled back, not scheduled', { rolledBack: true, scheduled: false }],
  ])('%s', (note, change) => {
    expect(noteOf({ ...component, ...change })).toBe(note);
  });
});

it('the reasons of what is unknown are told in words, each once', () => {
  const because = (reason: string, words: string | null, state = 'unknown'): ComponentView =>
    ({ available: { state, reason, text: words && { en: words, ja: words } } }) as ComponentView;
  const silent = because('upstream-unreachable', 'The upstream cannot be reached.');
  const others = [because('never-checked', null), because('', 'It is there.', 'version')];
  expect(reasonsOf([silent, ...others, silent])).toEqual([
    'upstream-unreachable: The upstream cannot be reached.',
    'never-checked: The source has not been asked yet. "haishin download" asks it at once.',
  ]);
});
