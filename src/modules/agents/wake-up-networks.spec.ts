import { AGENTS_DEFAULT } from './agent.settings.js';
import { isAllowed } from './wake-up-networks.js';

describe('where wake-up calls may go', () => {
  it('is private networks, out of the box', () => {
    for (const address of ['10.1.2.3', '172.31.0.1', '192.168.7.7', 'fd12::1', '::ffff:10.0.0.1'])
      expect([address, isAllowed(address, AGENTS_DEFAULT.wakeUpNetworks)]).toEqual([address, true]);
    for (const address of [
      '8.8.8.8',
      '172.32.0.1',
      '2001:4860::1',
      '127.0.0.1',
      '::1',
      '169.254.1.1',
      'fe80::1',
      '0.0.0.0',
      '224.0.0.1',
      '::ffff:127.0.0.1',
      'nonsense',
    ])
      expect([address, isAllowed(address, AGENTS_DEFAULT.wakeUpNetworks)]).toEqual([address, false]);
  });

  it('takes in loopback and link-local only when they are named, not because they lie in something wide', () => {
    expect(isAllowed('127.0.0.1', ['0.0.0.0/0'])).toBe(false);
    expect(isAllowed('8.8.8.8', ['0.0.0.0/0'])).toBe(true);
    expect(isAllowed('127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(isAllowed('::1', ['::1/128'])).toBe(true);
    expect(isAllowed('::1', ['::/0'])).toBe(false);
    expect(isAllowed('169.254.7.7', ['169.254.0.0/16'])).toBe(true);
  });

  it('never is where clouds hand out credentials', () => {
    expect(isAllowed('169.254.169.254', ['169.254.0.0/16', '0.0.0.0/0'])).toBe(false);
    expect(isAllowed('fd00:ec2::254', AGENTS_DEFAULT.wakeUpNetworks)).toBe(false);
  });
});
