import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { haishin } from './support/built-command.js';

it('a misspelt name of a setting is warned of, wherever it stands', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'haishin-misspelt-'));
  try {
    await writeFile(
      join(directory, '.env'),
      'HAISHIN_PROXI_URL=http://proxy.example:3128\nHAISHIN_TOKEN=for-commands\n',
    );
    const missing = join(directory, 'missing.pem');
    const environment = {
      HAISHIN_DATA_DIR: join(directory, 'data'),
      DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
      HAISHIN_UPSTREM_URL: 'http://upstream.example/activeupdate',
      HAISHIN_AGENT_SERVER: 'https://haishin.example',
      // So that it ends by itself.
      HAISHIN_TLS_CERT: missing,
      HAISHIN_TLS_KEY: missing,
    };
    const { code, stderr } = await haishin(['serve'], environment, { cwd: directory });
    expect([code, stderr]).toEqual([1, expect.stringContaining('tls-file-unreadable')]);
    const warning = stderr.split('\n').find((line) => line.includes('misspelt'));
    const { level, variables } = JSON.parse(warning ?? '{}') as { level: string; variables: string[] };
    // The test's own database has names of this kind too.
    const named = variables.filter((name) => !name.startsWith('HAISHIN_TEST_'));
    expect([level, named.sort()]).toEqual(['warn', ['HAISHIN_PROXI_URL', 'HAISHIN_UPSTREM_URL']]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
