import type { AppError } from '../../platform/errors/app-error.js';
import { fault, type FaultText } from './faults.js';
import { SourceHealth } from './source-health.js';
import { DEFAULT_LIMITS } from './transfer-limits.js';

const LIMITS = { ...DEFAULT_LIMITS, tries: 1, backoffMs: 0, noProgressMs: 0, longestPauseMs: 20 };

function failure(text: FaultText, details: Record<string, unknown> = {}): AppError {
  return fault(text, { reason: 'reset', ...details });
}

/** What became of one file: `done`, the code of its fault, or `not asked`. */
async function file(
  health: SourceHealth,
  component: string | undefined,
  answers: readonly (AppError | 'done')[] = ['done'],
): Promise<string> {
  let asked = 0;
  try {
    return await health.attend({ component, signal: undefined, kept: () => 0 }, () => {
      const answer = answers[Math.min(asked, answers.length - 1)] ?? 'done';
      asked += 1;
      return answer === 'done' ? Promise.resolve(answer) : Promise.reject(answer);
    });
  } catch (error) {
    return asked === 0 ? 'not asked' : (error as AppError).code;
  }
}

describe('the health of a source', () => {
  let nowMs: number;
  let health: SourceHealth;
  beforeEach(() => {
    nowMs = 0;
    // Nothing happens at one and the same time.
    health = new SourceHealth(LIMITS, () => (nowMs += 1));
  });

  const silence = failure('upstream-timeout.head');
  const unreachable = failure('upstream-unreachable');
  const pause = (retryAfterSeconds: number): AppError => failure('upstream-busy', { retryAfterSeconds });

  it.each<[string, AppError, string]>([
    ['hangs', silence, 'upstream-timeout'],
    ['breaks off', unreachable, 'upstream-unreachable'],
    ['is asked to come back later', pause(60), 'upstream-busy'],
  ])('a component that %s is set aside, and the others go on', async (_, error, code) => {
    expect(await file(health, 'a', [error])).toBe(code);
    expect(await file(health, 'a')).toBe('not asked');
    expect(await file(health, 'b')).toBe('done');
    expect(await file(health, undefined)).toBe('done');
    health.reset();
    expect(await file(health, 'a')).toBe('done');
  });

  it('many files of one component that hang at a time are still one component', async () => {
    await Promise.all([1, 2, 3, 4].map(() => file(health, 'a', [silence])));
    expect(await file(health, 'b')).toBe('done');
  });

  it('files that are missing set nothing aside', async () => {
    expect(await file(health, 'a', [failure('upstream-not-found')])).toBe('upstream-not-found');
    expect(await file(health, 'a')).toBe('done');
  });

  it.each([
    ['hang', silence],
    ['break off', unreachable],
  ])('two components that %s give the source up when nothing came in between', async (_, error) => {
    await Promise.all(['a', 'b'].map((component) => file(health, component, [error])));
    expect(await file(health, 'c')).toBe('not asked');
    expect(await file(health, undefined)).toBe('not asked');
  });

  it('what comes in between says that the source is there', async () => {
    await file(health, 'a', [silence]);
    expect(await file(health, 'b')).toBe('done');
    await file(health, 'c', [silence]);
    expect(await file(health, 'd')).toBe('done');
  });

  it('what comes while two of them break off says so, too', async () => {
    const both = ['a', 'b'].map((component) =>
      health
        .attend({ component, signal: undefined, kept: () => 0 }, async () => {
          await file(health, 'c');
          throw unreachable;
        })
        .catch(() => undefined),
    );
    await Promise.all(both);
    expect(await file(health, 'd')).toBe('done');
  });

  it('a transfer that was under way and comes after all brings it back', async () => {
    const [arrived, arrive] = [Promise.withResolvers<void>(), 'c'];
    const under = health.attend({ component: arrive, signal: undefined, kept: () => 0 }, () => arrived.promise);
    await Promise.all(['a', 'b'].map((component) => file(health, component, [silence])));
    expect(await file(health, 'd')).toBe('not asked');
    arrived.resolve();
    await under;
    expect(await file(health, 'c')).toBe('done');
    expect(await file(health, 'a')).toBe('not asked');
  });

  it('is at its end after eight silent components, whatever came in between', async () => {
    for (let index = 0; index < 8; index += 1) {
      expect(await file(health, 'good')).toBe('done');
      await file(health, `bad${index}`, [silence]);
    }
    expect(await file(health, 'good')).toBe('not asked');
  });

  it('two components that are asked to come back later mean the source, whatever came in between', async () => {
    await file(health, 'a', [pause(60)]);
    expect(await file(health, 'b')).toBe('done');
    await file(health, 'c', [pause(60)]);
    expect(await file(health, 'b')).toBe('not asked');
  });

  it('so does one request to come back later for a file of the whole source, however short', async () => {
    expect(await file(health, undefined, [pause(0.01), 'done'])).toBe('upstream-busy');
    expect(await file(health, 'b')).toBe('not asked');
  });

  it('a short pause is waited out, once', async () => {
    expect(await file(health, 'a', [pause(0.005), 'done'])).toBe('done');
    expect(await file(health, 'a', [pause(0.005), pause(0.005), 'done'])).toBe('upstream-busy');
    expect(await file(health, 'b')).toBe('done');
  });

  it('a component does not wait longer in all than for one pause', async () => {
    expect(await file(health, 'a', [pause(0.015), 'done'])).toBe('done');
    nowMs += 20;
    expect(await file(health, 'a', [pause(0.015), 'done'])).toBe('upstream-busy');
  });

  it('nobody waits when another component was asked to come back later', async () => {
    expect(await file(health, 'a', [pause(0.005), 'done'])).toBe('done');
    expect(await file(health, 'b', [pause(0.005), 'done'])).toBe('upstream-busy');
    expect(await file(health, 'c')).toBe('not asked');
  });
});
