import { AgentError } from '../errors/agent-error.js';
import { ServerAnswerError } from '../server/ddi-client.js';
import { pauseAfter, pauseAfterFailure } from './pause.js';

const idle = { outcome: 'idle', held: false, sleepSeconds: 100 } as const;

it('keeps the interval of the server within ten per cent', () => {
  expect(pauseAfter(idle, 900, 0, 0)).toBeCloseTo(90);
  expect(pauseAfter(idle, 900, 0, 0.999)).toBeLessThan(110.1);
  expect(pauseAfter({ ...idle, sleepSeconds: null }, 900, 0, 0.5)).toBe(900);
});

it('asks again at once after a held request and after work', () => {
  expect(pauseAfter({ ...idle, held: true }, 900, 0, 1)).toBeLessThanOrEqual(0.1);
  expect(pauseAfter({ ...idle, outcome: 'worked' }, 900, 3, 0.5)).toBeLessThan(0.1);
});

it('slows down to the interval when there is work again and again', () => {
  const pauses = [5, 8, 12, 40, 2000].map((worked) => pauseAfter({ ...idle, outcome: 'worked' }, 900, worked, 0.5));
  expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
  expect(pauses.at(-1)).toBe(100);
});

it('looks again within a minute while something is open', () => {
  expect(pauseAfter({ ...idle, outcome: 'waiting', sleepSeconds: 86_400 }, 900, 0, 0.5)).toBe(60);
});

it('backs off to a quarter of an hour, however long the server is away', () => {
  const away = new AgentError('download', 'server-unreachable', 'away');
  expect([1, 2, 3].map((failures) => pauseAfterFailure(away, failures, 2, 0))).toEqual([1, 2, 4]);
  expect(pauseAfterFailure(away, 100_000, 2, 0.999)).toBeLessThanOrEqual(900);
});

it('stays away for as long as the server asks', () => {
  const busy = new ServerAnswerError(503, 'http://server/x', 120);
  expect(pauseAfterFailure(busy, 1, 2, 0)).toBeGreaterThanOrEqual(120);
});
