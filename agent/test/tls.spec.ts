import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { StubComponent } from './support/ddi-messages.js';
import { DdiStub } from './support/ddi-stub.js';
import { Sandbox } from './support/sandbox.js';
import { uniqueContent } from './support/served-file.js';

let stub: DdiStub;
let box: Sandbox;

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: 'pipe', cwd: box.root });
}

/** A key and a certificate signed by the test's own authority. */
function issue(name: string, subject: string, extension: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
  openssl(
    'req',
    '-x509',
    ...key,
    '-subj',
    subject,
    '-addext',
    extension,
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-days',
    '2',
    '-out',
    `${name}.pem`,
  );
}

beforeEach(async () => {
  box = new Sandbox();
  const ca = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  ];
  openssl('req', '-x509', ...ca, '-subj', '/CN=Test authority', '-days', '2');
  issue('server', '/CN=localhost', 'subjectAltName=DNS:localhost');
  issue('client', '/CN=product-1', 'extendedKeyUsage=clientAuth');
  issue('stranger', '/CN=product-2', 'extendedKeyUsage=clientAuth');
  const read = (name: string): Buffer => readFileSync(box.path(name));
  const tls = {
    key: read('server.key'),
    cert: read('server.pem'),
    ca: read('ca.pem'),
    requestCert: true,
    rejectUnauthorized: false,
  };
  stub = await new DdiStub(tls).start();
});
afterEach(async () => {
  await box.dispose();
  await stub.stop();
});

function configure(tls: Record<string, string>, more: Record<string, unknown> = {}): void {
  box.configure(stub.url, { targetToken: undefined, tls, ...more });
}

function pattern(): StubComponent[] {
  return [{ component: 'virus-pattern', version: '1', files: [{ name: 'v.zip', content: uniqueContent(500) }] }];
}

it('a client certificate is the identity, and files come over HTTPS', async () => {
  configure({ caFile: box.path('ca.pem'), certFile: box.path('client.pem'), keyFile: box.path('client.key') });
  const action = stub.deploy(pattern());
  expect(await box.run(['once'])).toMatchObject({ code: 0 });
  expect(action.state).toBe('succeeded');
  expect(stub.seen.every((one) => one.headers.authorization === undefined)).toBe(true);
});

it('a certificate with another name is refused by the server', async () => {
  configure({ caFile: box.path('ca.pem'), certFile: box.path('stranger.pem'), keyFile: box.path('stranger.key') });
  expect((await box.run(['once'])).stderr).toContain('server-refused');
});

it('a server of an unknown authority is never spoken to', async () => {
  configure({}, { targetToken: 'target-token-of-the-test' });
  const ended = await box.run(['once']);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('tls-not-trusted');
  expect(stub.seen).toEqual([]);
});
