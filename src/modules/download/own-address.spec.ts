import { isBelowPublicUrl, isListening, leadsHere, type OwnPlace } from './own-address.js';

const everywhere: OwnPlace = {
  ports: [8080],
  listening: null,
  machine: ['127.0.0.1', '192.0.2.7', 'fe80::1'],
  publicUrl: undefined,
};

describe('an address on which this server listens', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', '0.0.0.0', '192.0.2.7', '::ffff:192.0.2.7', 'fe80::1%eth0'])(
    'is %s, when it listens on all',
    (address) => {
      expect(isListening(address, everywhere)).toBe(true);
    },
  );

  it.each(['192.0.2.8', '2001:db8::1', 'no address'])('is not %s', (address) => {
    expect(isListening(address, everywhere)).toBe(false);
  });

  it('is no other one of the machine, when it listens on one: another server may be there', () => {
    const one = { ...everywhere, listening: ['127.0.0.1'] };
    expect(isListening('127.0.0.1', one)).toBe(true);
    expect(isListening('192.0.2.7', one)).toBe(false);
    expect(isListening('127.0.0.2', one)).toBe(false);
  });
});

describe('a name', () => {
  const one = { ...everywhere, listening: ['127.0.0.1'] };

  it.each([
    [['127.0.0.1'], true],
    [['::1', '127.0.0.1'], true],
    [['::1'], false],
    [['127.0.0.1', '192.0.2.8'], false],
    [[], false],
  ])('that has the addresses %j leads here: %s', (addresses, expected) => {
    expect(leadsHere(addresses, one)).toBe(expected);
  });
});

describe('an address below the public one', () => {
  it.each([
    ['https://updates.example/activeupdate', 'https://updates.example', true],
    ['https://UPDATES.example:443/ActiveUpdate/japan/', 'https://updates.example/', true],
    ['https://updates.example/site/TvcsDownload/ActiveUpdate', 'https://updates.example/site/', true],
    // What else stands behind the same proxy is not this server.
    ['https://updates.example/other/activeupdate', 'https://updates.example/site', false],
    ['https://updates.example/activeupdates', 'https://updates.example', false],
    ['https://updates.example:8443/activeupdate', 'https://updates.example', false],
    ['https://elsewhere.example/activeupdate', 'https://updates.example', false],
    ['https://updates.example/activeupdate', undefined, false],
  ])('%s, with %s: %s', (url, publicUrl, expected) => {
    expect(isBelowPublicUrl(new URL(url), publicUrl)).toBe(expected);
  });
});
