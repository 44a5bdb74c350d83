import { readFileSync } from 'node:fs';
import { tooOld } from './node-version.js';

describe('an old Node', () => {
  it.each(['18.19.0', '20.20.2', '22.18.0'])('%s is refused, and told what is needed', (version) => {
    expect(tooOld(version)).toBe(`haishin-agent needs Node 22.19 or newer; this is ${version}.`);
  });

  it.each(['22.19.0', '22.20.1', '24.0.0'])('%s will do', (version) => {
    expect(tooOld(version)).toBeNull();
  });

  it('gets as far as that: the program names nothing else before', () => {
    const program = readFileSync('agent/src/cli.ts', 'utf8');
    expect(program.match(/^import .*$/gm)).toEqual(["import { tooOld } from './node-version.js';"]);
  });
});
