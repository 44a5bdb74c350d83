import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

describe('docs/errors.md', () => {
  it('lists what the catalogue and the sources have; "npm run docs" writes it anew', () => {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const said = execFileSync(process.execPath, ['scripts/errors-document.mjs', '--print'], {
      env,
      maxBuffer: 50_000_000,
    });
    expect(readFileSync('docs/errors.md', 'utf8')).toBe(said.toString());
  });
});
