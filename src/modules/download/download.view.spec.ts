import type { Download } from './download.entity.js';
import { downloadView } from './download.view.js';

const START = new Date('2026-03-02T00:00:00Z');

function durationUntil(finishedAt: string | null): number | null {
  const download = {
    state: 'succeeded',
    createdAt: START,
    startedAt: START,
    finishedAt: finishedAt === null ? null : new Date(finishedAt),
    outcomes: [],
  } as unknown as Download;
  return downloadView(download, new Map(), null).durationSeconds;
}

describe('the duration of a download', () => {
  it.each([
    ['after its end', '2026-03-02T00:01:00.500Z', 60.5],
    ['before it', null, null],
    ['when the clock was set back meanwhile', '2024-03-31T00:00:00Z', null],
  ])('%s', (_when, finishedAt, seconds) => {
    expect(durationUntil(finishedAt)).toBe(seconds);
  });
});
