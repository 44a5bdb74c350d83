/** The one-way import rules of docs/architecture.md; a breach fails the build. */
const layer = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: allowed.map((a) => `^src/${a}/`) },
});
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    layer('platform-imports-nothing', 'platform', ['platform']),
    layer('config-imports-platform', 'config', ['config', 'platform']),
    layer('database-imports-config', 'database', ['database', 'config', 'platform']),
    layer('mirror-imports-no-module', 'mirror', ['mirror', 'database', 'config', 'platform']),
    layer('sample-upstream-stands-alone', 'sample-upstream', ['sample-upstream', 'platform']),
    layer('accounts', 'modules/accounts', ['modules/accounts', 'database', 'config', 'platform']),
    layer('agents', 'modules/agents', ['modules/agents', 'modules/accounts', 'mirror', 'database', 'config', 'platform']),
    layer('commands', 'modules/commands', [
      'modules/commands', 'modules/agents', 'modules/accounts', 'mirror', 'database', 'config', 'platform',
    ]),
    layer('download', 'modules/download', [
      'modules/download', 'modules/commands', 'modules/accounts', 'mirror', 'database', 'config', 'platform',
    ]),
    layer('deploy', 'modules/deploy', [
      'modules/deploy', 'modules/download', 'modules/commands', 'modules/agents', 'modules/accounts', 'mirror', 'database',
      'config', 'platform',
    ]),
    {
      name: 'modules-only-through-their-api',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/([^/]+)/', pathNot: ['^src/modules/$1/', '\\.(module|api)\\.ts$'] },
    },
    {
      name: 'no-room-without-a-name',
      severity: 'error',
      from: {},
      to: { path: '^src/.*(utils?|helpers?|common|shared|misc|lib)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.spec\\.ts$' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
