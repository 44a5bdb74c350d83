import type { ComponentView } from '../modules/download/component.view.js';
import { noteOf } from './status.command.js';

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
