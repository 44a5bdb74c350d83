import { nextCheckInMs } from './own-schedule.js';

const now = Date.parse('2026-03-04T12:00:00Z');

it.each([
  ['never looked', null, 0],
  ['an unreadable time', 'yesterday', 0],
  ['five minutes ago', '2026-03-04T11:55:00Z', 600_000],
  ['long ago', '2020-01-01T00:00:00Z', 0],
  ['in the future: the clock went back', '2030-01-01T00:00:00Z', 0],
])('next check after %s', (_, last, expected) => {
  expect(nextCheckInMs(last, now, 900)).toBe(expected);
});
