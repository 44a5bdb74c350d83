import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

describe('docs/openapi.json', () => {
  it('is what the program says of itself; "npm run docs" writes it anew', () => {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const said = execFileSync(process.execPath, [resolve('dist/cli.js'), 'openapi'], { env, maxBuffer: 50_000_000 });
    expect(JSON.parse(readFileSync('docs/openapi.json', 'utf8'))).toEqual(JSON.parse(said.toString()));
  });

  it('describes the whole contract', () => {
    const { openapi, paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));
    expect(openapi).toMatch(/^3\.1\./);
    for (const path of [
      'components',
      'releases',
      'downloads',
      'channels',
      'snapshots',
      'agents',
      'deployments',
      'commands',
      'events',
      'audit',
    ])
      expect(Object.keys(paths)).toContain(`/api/v1/${path}`);
  });
});
