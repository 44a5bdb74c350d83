/** The command `fleet`. */
export const fleetEn = {
  'help.fleet': 'simulated products that enrol, poll and update: for demonstrations, tests and benches',
  'help.fleet.long':
    'Simulates managed products that talk DDI with a server. Nothing is installed anywhere; everything that the\nserver sees is real. Shares are from 0 to 1 and belong to different products. Ends on Ctrl-C.',
  'help.fleet.url': 'the server',
  'help.fleet.gateway-token': 'a gateway token of the server, by which the products enrol',
  'help.fleet.gateway-token-file': 'the same, from a file',
  'help.fleet.agents': 'how many products',
  'help.fleet.prefix': 'their controller ids begin with it',
  'help.fleet.slow': 'take --slow-ms for an update',
  'help.fleet.failing': 'end every update as failed',
  'help.fleet.offline': 'enrol and are never heard of again',
  'help.fleet.duplicate': 'are two machines with one identity',
  'help.fleet.repeating': 'send each feedback twice',
  'help.fleet.cancel-refusing': 'go on when they are told to cancel',
  'help.fleet.work-ms': 'how long an update takes',
  'help.fleet.slow-ms': 'how long an update takes at a slow product',
  'help.fleet.wait': 'how long a poll asks to be held; 0: short polls',
  'help.fleet.poll': 'time between short polls; without it, as the server says',
  'help.fleet.per-second': 'products that begin per second',
  'help.fleet.no-download': 'leave the files out: only say that they were downloaded',
  'help.fleet.ca': 'certificate of the server, PEM',
  'help.fleet.seconds': 'end after so long',
  'help.fleet.json': 'print JSON lines instead of text',
  'cli.fleet.report':
    '{{enrolled}}/{{agents}} enrolled, {{held}} held polls, {{started}} updates begun, {{succeeded}} succeeded, {{failed}} failed, {{cancelled}} cancelled',
  'cli.fleet.errors': '{{report}}, {{errors}} errors ({{lastError}})',
} as const;
