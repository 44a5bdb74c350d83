import { evaluatePreconditions, rangeApplies } from './preconditions.js';

const ETAG = `"${'a'.repeat(64)}"`;
const OTHER = `"${'b'.repeat(64)}"`;
const MODIFIED = Date.UTC(2026, 2, 4, 5, 6, 7);
const ENTRY = { etag: ETAG, lastModified: 'Wed, 04 Mar 2026 05:06:07 GMT', lastModifiedMs: MODIFIED };
const EARLIER = 'Wed, 04 Mar 2026 05:06:06 GMT';

describe('evaluatePreconditions', () => {
  it('goes on without conditions', () => {
    expect(evaluatePreconditions({}, ENTRY)).toBe('proceed');
  });

  it.each([ETAG, `W/${ETAG}`, '*', ' * ', `${OTHER}, ${ETAG}`, `${OTHER},W/${ETAG}`, `"a,b" , ${ETAG}`])(
    'finds the content unchanged by If-None-Match %s',
    (tags) => {
      expect(evaluatePreconditions({ 'if-none-match': tags }, ENTRY)).toBe('not-modified');
    },
  );

  it.each([OTHER, `W/${OTHER}`, '', 'a'.repeat(64), `"x${ETAG.slice(1)}`, `"*"`])(
    'sends the content for If-None-Match %j',
    (tags) => {
      expect(evaluatePreconditions({ 'if-none-match': tags }, ENTRY)).toBe('proceed');
    },
  );

  it('lets If-None-Match decide alone', () => {
    const headers = { 'if-none-match': OTHER, 'if-modified-since': ENTRY.lastModified };
    expect(evaluatePreconditions(headers, ENTRY)).toBe('proceed');
  });

  it.each([
    ENTRY.lastModified,
    'Thu, 05 Mar 2026 00:00:00 GMT',
    'Wednesday, 04-Mar-26 05:06:07 GMT',
    'Wed Mar  4 05:06:07 2026',
  ])('finds the content unchanged since %s', (date) => {
    expect(evaluatePreconditions({ 'if-modified-since': date }, ENTRY)).toBe('not-modified');
  });

  it.each([EARLIER, 'yesterday', '2999', '2999-01-01', '', 'Wed, garbage 99:99:99 GMT'])(
    'sends the content for If-Modified-Since %j',
    (date) => {
      expect(evaluatePreconditions({ 'if-modified-since': date }, ENTRY)).toBe('proceed');
    },
  );

  it('fails If-Match unless it names this content strongly', () => {
    expect(evaluatePreconditions({ 'if-match': OTHER }, ENTRY)).toBe('failed');
    expect(evaluatePreconditions({ 'if-match': `W/${ETAG}` }, ENTRY)).toBe('failed');
    expect(evaluatePreconditions({ 'if-match': ETAG }, ENTRY)).toBe('proceed');
    expect(evaluatePreconditions({ 'if-match': '*' }, ENTRY)).toBe('proceed');
  });

  it('fails If-Unmodified-Since for newer content, and only without If-Match', () => {
    expect(evaluatePreconditions({ 'if-unmodified-since': EARLIER }, ENTRY)).toBe('failed');
    expect(evaluatePreconditions({ 'if-unmodified-since': ENTRY.lastModified }, ENTRY)).toBe('proceed');
    expect(evaluatePreconditions({ 'if-unmodified-since': EARLIER, 'if-match': ETAG }, ENTRY)).toBe('proceed');
  });
});

describe('rangeApplies', () => {
  it.each([undefined, ETAG, ENTRY.lastModified, ` ${ETAG} `])('honours the range for If-Range %s', (value) => {
    expect(rangeApplies(value, ENTRY)).toBe(true);
  });

  it.each([OTHER, `W/${ETAG}`, EARLIER, 'Thu, 05 Mar 2026 00:00:00 GMT', '*', ''])(
    'sends everything for If-Range %j',
    (value) => {
      expect(rangeApplies(value, ENTRY)).toBe(false);
    },
  );
});
