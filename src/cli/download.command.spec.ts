import type { DownloadView } from '../modules/download/download.view.js';
import { describe as tell } from './download.command.js';

describe('the end of a download', () => {
  const view = { bytes: 0, durationSeconds: 1, components: [], error: null } as unknown as DownloadView;

  it.each([
    ['failed', /^failed: [^\n]*\nWhat is published stays in force\. The next scheduled run tries again, .*\n$/],
    [
      'partial',
      /^partial: [^\n]*\nWhat failed keeps its earlier version\. The next scheduled run tries it again, .*\n$/,
    ],
    ['succeeded', /^succeeded: [^\n]*\n$/],
    ['cancelled', /^cancelled: [^\n]*\n$/],
  ])('%s: says what goes on', (state, words) => {
    expect(tell({ ...view, state })).toMatch(words);
  });

  it.each([
    ['It is away.', 'failed (gone: It is away. http://source/server.ini): '],
    ['http://source/server.ini is away.', 'failed (gone: http://source/server.ini is away.): '],
  ])('names what was asked for, once: %s', (message, words) => {
    const error = {
      code: 'gone',
      message,
      text: { en: message, ja: message },
      details: { url: 'http://source/server.ini' },
    };
    expect(tell({ ...view, state: 'failed', error })).toContain(words);
  });
});
