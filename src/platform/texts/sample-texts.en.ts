/** The command `sample-upstream`. What scripts wait for (`sample upstream url=…`, `--json`) is the same in every language. */
export const sampleEn = {
  'help.sample': 'serve a synthetic ActiveUpdate tree that publishes new versions on a timer',
  'help.sample.long':
    'Serves a synthetic ActiveUpdate tree over HTTP, for trying Haishin without the vendor and without internet. The grammar of its manifest and the proportions of its files are real; every byte in it is made up. One component after another gets a new version. Ends on Ctrl-C.',
  'help.sample.port': 'port to listen on; 0 = any free one',
  'help.sample.host': 'address to listen on',
  'help.sample.scale': 'size of the files: 1 = as the vendor has them, about 150 MB a tree',
  'help.sample.every': 'time between two publications; 0 = never',
  'help.sample.seed': 'another seed gives other contents; the same gives the same',
  'help.sample.no-japan': 'leave out the Japan tree (japan/server.ini, .80 virus patterns)',
  'help.sample.no-signatures': 'leave out the .sig files',
  'help.sample.compressed': 'really compress the ZIPs, so that checking them costs what it costs with real ones',
  'help.sample.out': 'write the tree to a directory that any web server can serve, and exit',
  'help.sample.json': 'print JSON lines instead of text',
  'help.sample.components': 'Components: {{components}}',
  'help.sample.examples': 'Examples:',
  'help.sample.example-serve':
    'serves on port 9080; mirror it with HAISHIN_UPSTREAM_URL=http://127.0.0.1:9080/activeupdate',
  'help.sample.example-out': 'writes about 310 MB (both trees), for a web server or a mounted share',
  'cli.sample.written': 'sample tree written to {{directory}}: {{files}} files, {{megabytes}} MB',
  'cli.sample.published': '{{at}} published {{component}} {{version}}',
  'cli.sample.size': '{{files}} files, {{megabytes}} MB',
  'cli.sample.every': 'a new version every {{seconds}} s',
  'cli.sample.never': 'no new versions',
} as const;
