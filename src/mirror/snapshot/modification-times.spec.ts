import { fileMap, type HeldFile } from './held-file.js';
import { notBackInTime } from './modification-times.js';

const NOW = new Date('2026-05-01T12:00:00.700Z');

function file(sha256: string, mtime: string, path = 'pattern/v_1.sig'): HeldFile {
  return { path, sha256, size: 1, mtime, component: null };
}

function timeOf(next: HeldFile, held: HeldFile): string | undefined {
  return notBackInTime([next], fileMap([held]), NOW)[0]?.mtime;
}

describe('the time under one name', () => {
  it.each([
    ['another content with a later time keeps it', 'b', '2026-04-02T00:00:00.000Z', '2026-04-02T00:00:00.000Z'],
    ['an earlier content that is back has the time of now', 'b', '2026-03-01T00:00:00.000Z', NOW.toISOString()],
    ['another content within the same second, too', 'b', '2026-04-01T00:00:00.900Z', NOW.toISOString()],
    ['the same content never becomes older', 'a', '2026-03-01T00:00:00.000Z', '2026-04-01T00:00:00.200Z'],
    ['the same content may become newer', 'a', '2026-04-03T00:00:00.000Z', '2026-04-03T00:00:00.000Z'],
  ])('%s', (_, sha256, mtime, expected) => {
    expect(timeOf(file(sha256, mtime), file('a', '2026-04-01T00:00:00.200Z'))).toBe(expected);
  });

  it('goes on when the one before lies in this second, or the clock was set back', () => {
    expect(timeOf(file('b', NOW.toISOString()), file('a', '2026-05-01T12:00:00.100Z'))).toBe(
      '2026-05-01T12:00:01.000Z',
    );
    expect(timeOf(file('b', NOW.toISOString()), file('a', '2026-05-02T00:00:00.000Z'))).toBe(
      '2026-05-02T00:00:01.000Z',
    );
  });

  it('is the same name in whatever letter case, and leaves other names alone', () => {
    const held = file('a', '2026-04-01T00:00:00.000Z', 'PATTERN/V_1.SIG');
    expect(timeOf(file('b', '2026-03-01T00:00:00.000Z'), held)).toBe(NOW.toISOString());
    expect(timeOf(file('b', '2026-03-01T00:00:00.000Z', 'pattern/v_2.sig'), held)).toBe('2026-03-01T00:00:00.000Z');
  });
});
