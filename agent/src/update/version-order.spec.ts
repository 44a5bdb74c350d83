import { displayVersion, isNewer } from './version-order.js';

it.each([
  ['1724300', '1724100', 'vsapi', true],
  ['1724100', '1724300', 'vsapi', false],
  ['1724180', '1724100', 'vsapi', false],
  ['1724100', '1724180', 'vsapi', false],
  ['17.243.00', '1724180', 'vsapi', true],
  ['12.5.1004', '12.500.1004', 'engine', false],
  ['12.6.1', '12.500.1004', 'engine', true],
  ['12.45.1', '12.5.1', 'engine', false],
  ['00001801', '1800', 'integer', true],
  ['00001800', '1800', 'integer', false],
  ['1.10', '1.9', 'dotted', true],
  ['1.0', '1', 'dotted', false],
  ['garbage', '1800', 'integer', false],
  ['1800', 'garbage', 'integer', true],
  ['b', 'a', 'integer', true],
  ['a', 'a', 'integer', false],
] as const)('%s newer than %s as %s: %s', (candidate, installed, numbering, expected) => {
  expect(isNewer(candidate, installed, numbering)).toBe(expected);
});

it('shows a pattern number as people write it', () => {
  expect(displayVersion('1569780', 'vsapi')).toBe('15.697.80');
  expect(displayVersion('2469', 'integer')).toBe('2469');
});
