/** What the command line is told before, or instead of, an answer of the server. */
export const cliErrorsEn = {
  'error.token-malformed':
    'The token has blanks, line ends or other characters that no token has. Is it whole, and nothing but the token?',
  'error.server-not-running':
    'No server runs on this data directory ({{file}} is missing). Start it with "haishin serve", or name one with HAISHIN_URL and HAISHIN_TOKEN.',
  'error.server-certificate-untrusted':
    'The certificate of {{url}} is not trusted: {{untrusted}}. Nothing was sent. If it is the right server, name a file with its certificate or its authority in NODE_EXTRA_CA_CERTS.',
  'error.server-unreachable':
    'The server at {{url}} cannot be reached ({{reason}}). Does it run, and is the address right?',
  'error.not-a-haishin':
    '{{url}} does not answer like a Haishin: is the address right, and does no proxy or login page answer in its place?',
  'error.file-not-found': 'There is no file {{path}}.',
  'error.file-not-found.unreadable': 'The file {{path}} cannot be read.',
  'error.not-a-file': '{{path}} is not a file.',
  'error.file-not-writable': '{{file}} cannot be written: {{reason}}',
  'error.not-sample-data.source':
    'The server on this data directory mirrors {{url}}: quickstart is for sample data. Name another HAISHIN_DATA_DIR.',
  'error.not-sample-data.content':
    '{{path}} has published content that is of another database: quickstart is for sample data. Nothing was changed. Name another HAISHIN_DATA_DIR, or the database of this one by DATABASE_URL.',
  'error.mirror-failed': 'Nothing was mirrored: {{reason}}',
  'error.stopping.tour': 'The tour is being ended.',
  'error.http-needed': 'The tour of quickstart needs HTTP: leave HAISHIN_HTTP_PORT unset.',
  'error.database-unavailable.configured':
    'The database of DATABASE_URL cannot be reached; the log says why. Leave it unset for the embedded one.',
  'error.nothing-to-verify': 'There is nothing stored in {{dataDir}} yet.',
  'error.gateway-token-missing':
    'Give --gateway-token or --gateway-token-file; POST /api/v1/enrolment-tokens with kind "gateway" makes one.',
  'error.port-in-use.sample': 'Port {{port}} of {{host}} is in use: choose another one.',
  'error.sample-no-japan-tree': 'This sample tree has no Japan tree.',
  'error.sample-component-unknown': 'The sample tree has no component "{{name}}".',
  'error.sample-unit-lost': 'No release is known of {{id}}.',
  'error.sample-directory-not-a-tree':
    '{{directory}} holds something other than an ActiveUpdate tree, and would be replaced: name an empty or new directory.',
  'error.token-missing.host':
    'The server has not reached its database yet, so it has no token for commands on this host. Try again soon, or give one with HAISHIN_TOKEN.',
  'error.token-missing.server': 'A token of {{url}} is needed: give it with HAISHIN_TOKEN.',
  'error.token-not-printed': 'The token could not be printed. Nobody has seen it, so it was revoked; make another.',
  'error.output-failed': 'What was to be printed could not be written: {{reason}}',
  'error.nothing-published':
    'Nothing is published in {{dataDir}} yet. Is it the data directory of the server (HAISHIN_DATA_DIR)?',
} as const;
