import { isDownloadOnly, waitReason } from './install-window.js';

const at = (clock: string): Date => new Date(`2026-03-04T${clock}:00`);
const deployment = (update: 'skip' | 'attempt' | 'forced', maintenanceWindow?: 'available' | 'unavailable') => ({
  download: 'forced' as const,
  update,
  chunks: [],
  ...(maintenanceWindow ? { maintenanceWindow } : {}),
});
const night = { start: '22:00', end: '05:00' };

it.each([
  ['forced', undefined, night, '12:00', null],
  ['attempt', undefined, null, '12:00', null],
  ['attempt', undefined, night, '12:00', /local installation window/],
  ['attempt', undefined, night, '22:00', null],
  ['attempt', undefined, night, '04:59', null],
  ['attempt', undefined, night, '05:00', /local installation window/],
  ['skip', undefined, null, '12:00', /does not want/],
  ['forced', 'unavailable', null, '12:00', /maintenance window/],
  ['forced', 'available', null, '12:00', null],
] as const)('%s, maintenance window %s, own window %j at %s', (update, window, own, clock, expected) => {
  const reason = waitReason(deployment(update, window), own, at(clock));
  if (expected === null) expect(reason).toBeNull();
  else expect(reason).toMatch(expected);
});

it.each([
  ['skip', undefined, true],
  ['skip', 'unavailable', false],
  ['skip', 'available', false],
  ['attempt', undefined, false],
  ['forced', undefined, false],
] as const)('%s, maintenance window %s: download only %s', (update, window, expected) => {
  expect(isDownloadOnly(deployment(update, window))).toBe(expected);
});
