import { feedback, parseRetryAfter, parseSleep } from './ddi-messages.js';
import { parseDeployment } from './ddi-parse.js';

it('keeps a feedback within 50 messages of 1,000 characters and says what was dropped', () => {
  const details = Array.from({ length: 80 }, () => 'x'.repeat(2000));
  const { status } = feedback('1', 'closed', 'failure', details, { code: 62 });
  expect(status.details).toHaveLength(50);
  expect(status.details.at(-1)).toBe('31 more messages were left out');
  expect(Math.max(...status.details.map((detail) => detail.length))).toBe(1000);
});

it.each([
  ['00:15:00', 900],
  ['24:00:30', 86_430],
  ['15', null],
  ['00:99:00', null],
  [undefined, null],
])('sleep %s is %s seconds', (text, seconds) => {
  expect(parseSleep(text)).toBe(seconds);
});

it('reads Retry-After in both forms and never more than a day', () => {
  const now = Date.parse('Wed, 04 Mar 2026 12:00:00 GMT');
  expect(parseRetryAfter('120', now)).toBe(120);
  expect(parseRetryAfter('Wed, 04 Mar 2026 12:01:00 GMT', now)).toBe(60);
  expect(parseRetryAfter('Wed, 04 Mar 2020 12:01:00 GMT', now)).toBe(0);
  expect(parseRetryAfter('999999999', now)).toBe(86_400);
  expect(parseRetryAfter('soon', now)).toBeNull();
});

it.each([
  {},
  { id: '1' },
  { id: '1', deployment: {} },
  { id: '1', deployment: { chunks: [{}] } },
  {
    id: '1',
    deployment: { chunks: [{ part: 'a', version: '1', artifacts: [{ filename: 'f', size: -1, _links: {} }] }] },
  },
  { id: '1', deployment: { chunks: Array.from({ length: 101 }, () => ({ part: 'a', version: '1', artifacts: [] })) } },
])('refuses a deployment of another shape: %j', (value) => {
  expect(() => parseDeployment(value)).toThrow(expect.objectContaining({ code: 'message-malformed' }));
});

it('takes what it does not know and ids that are numbers', () => {
  const parsed = parseDeployment({ id: 8, more: true, deployment: { download: 'odd', update: 'forced', chunks: [] } });
  expect(parsed).toEqual({ id: '8', deployment: { download: 'attempt', update: 'forced', chunks: [] } });
});
