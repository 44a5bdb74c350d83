import { messagesOf, parseConfirmation, parseFeedback } from './ddi-messages.js';
import { linkBase } from './ddi-links.js';
import { waitSeconds } from './poll-handler.js';
import { sleepText } from './poll-interval.js';

describe('feedback', () => {
  it('is read as SWUpdate and rauc-hawkbit-updater write it', () => {
    expect(
      parseFeedback({
        id: 12,
        time: '20240101T000000',
        status: { execution: 'closed', result: { finished: 'success' }, details: ['a', 'b'] },
      }),
    ).toEqual({
      execution: 'closed',
      finished: 'success',
      code: null,
      progress: null,
      messages: ['a', 'b'],
      dropped: 0,
    });
    expect(
      parseFeedback({
        id: '12',
        status: {
          execution: 'proceeding',
          code: '200',
          result: { finished: 'none', progress: { cnt: 2, of: 5 } },
          details: null,
        },
      }),
    ).toMatchObject({ code: 200, progress: { done: 2, total: 5 }, messages: [] });
    expect(parseFeedback({ status: { execution: 'closed' } })).toMatchObject({ finished: 'none' });
  });

  it('is refused when it says nothing', () => {
    for (const body of [
      null,
      7,
      [],
      {},
      { status: 'closed' },
      { status: { execution: 'x' } },
      { status: { execution: 'closed', result: { finished: 1 } } },
    ])
      expect(() => parseFeedback(body)).toThrow(/cannot be read/);
  });

  it('bounds texts, keeps them texts, and counts what it drops', () => {
    expect(messagesOf('one')).toEqual({ messages: ['one'], dropped: 0 });
    expect(messagesOf([{ a: 1 }, 2, 'nul\0here'])).toEqual({ messages: ['{"a":1}', '2', 'nulhere'], dropped: 0 });
    const { messages, dropped } = messagesOf(Array.from({ length: 60 }, () => 'x'.repeat(2_000)));
    expect([messages.length, messages[0]?.length, dropped]).toEqual([50, 1_000, 60]);
  });

  it('takes no numbers that the tables cannot hold', () => {
    const read = (code: unknown) => parseFeedback({ status: { execution: 'closed', code } }).code;
    expect([read(1e99), read(1.5), read('12345678901'), read(-3), read({})]).toEqual([null, null, null, -3, null]);
  });
});

describe('consent', () => {
  it('is one of two words', () => {
    expect(parseConfirmation({ confirmation: 'denied', code: 3, details: ['why'] })).toEqual({
      confirmed: false,
      code: 3,
      messages: ['why'],
    });
    expect(() => parseConfirmation({ confirmation: 'maybe' })).toThrow(/confirmed or denied/);
  });
});

describe('links', () => {
  const request = (protocol: string, host: string) => ({ protocol: protocol as 'http', host });

  it('carry what the client used', () => {
    expect(linkBase(request('http', 'h:81'), { publicUrl: undefined, httpUrl: 'http://x:8080' })).toEqual({
      own: 'http://h:81',
      plain: 'http://h:81',
    });
    expect(linkBase(request('https', 'h:444'), { publicUrl: undefined, httpUrl: 'http://x:8080' })).toEqual({
      own: 'https://h:444',
      plain: 'http://h:8080',
    });
    expect(linkBase(request('https', '[::1]:444'), { publicUrl: undefined, httpUrl: 'http://x:8080' }).plain).toBe(
      'http://[::1]:8080',
    );
  });

  it('are plain only where somebody listens', () => {
    expect(linkBase(request('https', 'h'), { publicUrl: undefined, httpUrl: null })).toEqual({
      own: 'https://h',
      plain: null,
    });
  });

  it('carry the public URL when there is one', () => {
    expect(
      linkBase(request('http', 'inner'), { publicUrl: 'https://haishin.example/base/', httpUrl: 'http://x:80' }),
    ).toEqual({
      own: 'https://haishin.example/base',
      plain: 'http://haishin.example',
    });
  });
});

describe('polls', () => {
  it('are held as long as they prefer, within bounds', () => {
    expect(waitSeconds('wait=55')).toBe(55);
    expect(waitSeconds('respond-async, wait=10; x')).toBe(10);
    expect(waitSeconds('wait="7"')).toBe(7);
    expect(waitSeconds('wait=100000')).toBe(120);
    expect(waitSeconds(['handling=lenient', 'wait=3'])).toBe(3);
    for (const text of [undefined, '', 'wait', 'wait=-1', 'awaits=5', 'wait=1e9']) expect(waitSeconds(text)).toBe(0);
  });

  it('are spread, the same for a product each time', () => {
    const seconds = (text: string): number => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
    const all = Array.from({ length: 500 }, (_, index) => seconds(sleepText(900, `mx${index}`)));
    expect(Math.min(...all)).toBeGreaterThanOrEqual(810);
    expect(Math.max(...all)).toBeLessThanOrEqual(990);
    expect(new Set(all).size).toBeGreaterThan(100);
    expect(sleepText(900, 'mx1')).toBe(sleepText(900, 'mx1'));
    expect(sleepText(86_400, 'mx1')).toMatch(/^2[1-3]:\d\d:\d\d$/);
  });
});
