import { MissingRequests, missingKey } from './missing-requests.js';

describe('missingKey', () => {
  it.each([
    ['pattern/vsapi241.zip', 'pattern/vsapi'],
    ['pattern/vsapi243.sig', 'pattern/vsapi'],
    ['pattern/v_239.241', 'pattern/v'],
    ['pattern/icrc/ioth1724100.zip', 'pattern/icrc/ioth'],
    ['engine/ntkd12500.zip', 'engine/ntkd'],
    ['pattern/gpl.zip', 'pattern/gpl'],
    ['pattern/123.zip', 'pattern/123.zip'],
    ['server.ini', 'server'],
  ])('%s counts as %s', (path, key) => {
    expect(missingKey(path)).toBe(key);
  });
});

describe('MissingRequests', () => {
  it('adds versions of one component up, per channel, and remembers the latest', () => {
    let time = 0;
    const missing = new MissingRequests(() => new Date((time += 1000)));
    missing.record('global', 'pattern/vsapi241.zip', 'not-held');
    missing.record('global', 'pattern/vsapi243.zip', 'not-held');
    missing.record('japan', 'pattern/vsapi243.zip', 'not-held');
    expect(missing.drain()).toEqual([
      {
        channel: 'global',
        key: 'pattern/vsapi',
        path: 'pattern/vsapi243.zip',
        kind: 'not-held',
        count: 2,
        lastAt: '1970-01-01T00:00:02.000Z',
      },
      expect.objectContaining({ channel: 'japan', count: 1 }),
    ]);
    expect(missing.drain()).toEqual([]);
  });

  it('takes counts back that could not be written, without forgetting what came since', () => {
    let time = 0;
    const missing = new MissingRequests(() => new Date((time += 1000)));
    missing.record('global', 'pattern/vsapi241.zip', 'not-published');
    const [taken] = missing.drain();
    missing.record('global', 'pattern/vsapi243.zip', 'not-held');
    missing.add(taken!);
    expect(missing.drain()).toEqual([
      expect.objectContaining({ count: 2, path: 'pattern/vsapi243.zip', kind: 'not-held' }),
    ]);
  });

  it('stays bounded, whatever the network asks for', () => {
    const missing = new MissingRequests();
    for (let i = 0; i < 5000; i++)
      missing.record('global', `${'x'.repeat(i % 3000)}/${i % 7}/${'abcdefghij'[i % 10]}`, 'not-held');
    for (let i = 0; i < 5000; i++) missing.record('global', `folder${i}/a.zip`, 'not-held');
    const counts = missing.drain();
    expect(counts.length).toBeLessThanOrEqual(1002);
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
    expect(counts.some(({ key }) => key === '*')).toBe(true);
    for (const { key, path } of counts) expect(Math.max(key.length, path.length)).toBeLessThanOrEqual(200);
  });
});
