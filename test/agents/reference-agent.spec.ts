import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sandbox } from '../../agent/test/support/sandbox.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';
import { until } from '../support/until.js';
import { systemClock } from '../../src/platform/clock/clock.js';

/** The agent as its own process, the server as it is: nobody in between. */
describe('the reference agent and the server', () => {
  let site: ManagedSite;
  let box: Sandbox;
  let one: TestRelease;
  let two: TestRelease;
  let engine: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start({ clock: systemClock });
    await site.component('rules');
    await site.component('other');
    one = await site.release('rules', '1.0', Buffer.from('rules one '.repeat(20_000)));
    two = await site.release('rules', '2.0', Buffer.from('rules two '.repeat(20_000)));
    engine = await site.release('other', '7');
  });

  afterAll(() => site.dispose());

  beforeEach(() => {
    box = new Sandbox();
  });

  afterEach(() => box.dispose());

  const gatewayToken = async (): Promise<string> => {
    const { body } = await site.api.post('/api/v1/enrolment-tokens', { name: 'gateway', kind: 'gateway' });
    return body.token as string;
  };
  /** An agent that enrolled itself and holds its poll. */
  const service = async (controllerId: string, more: Record<string, unknown> = {}): Promise<void> => {
    box.configure(site.haishin.http, {
      controllerId,
      targetToken: undefined,
      gatewayToken: await gatewayToken(),
      ...more,
    });
    box.start(['run']);
    await until(`${controllerId} told who it is`, async () => {
      const { body } = await site.api.get(`/api/v1/agents/${controllerId}`);
      return body.capabilities?.includes('rollback') === true;
    });
  };
  /** An agent that makes one contact when it is told to; here its first. */
  const once = async (controllerId: string, more: Record<string, unknown>): Promise<void> => {
    box.configure(site.haishin.http, {
      controllerId,
      targetToken: undefined,
      gatewayToken: await gatewayToken(),
      ...more,
    });
    expect((await box.run(['once'])).code).toBe(0);
  };
  const ended = (commandId: string, controllerId: string, state: string): Promise<void> =>
    until(`${controllerId} ${state}`, async () => (await site.target(commandId, controllerId)).state === state);

  it('enrols, identifies itself, installs what is deployed and reports it', async () => {
    await service('ref1');
    expect(readFileSync(join(box.stateDirectory, 'target-token'), 'utf8').trim().length).toBeGreaterThan(30);
    const { body: agent } = await site.api.get('/api/v1/agents/ref1');
    expect(agent).toMatchObject({ approval: 'approved', origin: 'enrolled', ownSchedule: 'off' });
    const first = await site.deploy([one, engine], ['ref1']);
    await ended(first, 'ref1', 'succeeded');
    expect(box.content('rules', 'rules-1.0.bin').equals(one.content)).toBe(true);
    expect(box.current('other')).toBe('7');
    const target = await site.target(first, 'ref1');
    expect(target.timeline.map((entry: { execution: string }) => entry.execution)).toEqual(
      expect.arrayContaining(['download', 'downloaded', 'proceeding', 'closed']),
    );
    expect(target.messages.join('\n')).toContain('rules: not installed -> 1.0');
    // Pushed while its poll is held: the next order is there at once.
    const second = await site.deploy([two], ['ref1']);
    await ended(second, 'ref1', 'succeeded');
    expect(box.current('rules')).toBe('2.0');
    const { body: known } = await site.api.get('/api/v1/agents/ref1');
    expect(known.components).toMatchObject([
      { id: 'other', version: '7' },
      { id: 'rules', version: '2.0' },
    ]);
    await site.api.post('/api/v1/commands', {
      type: 'rollback',
      targets: { agents: ['ref1'] },
      parameters: { component: 'rules' },
    });
    await until('rolled back', () => box.current('rules') === '1.0');
    await until('the inventory follows', async () => {
      const { body } = await site.api.get('/api/v1/agents/ref1');
      return (body.components as { id: string; version: string }[]).find(({ id }) => id === 'rules')?.version === '1.0';
    });
    const { body: diagnostics } = await site.api.post('/api/v1/commands', {
      type: 'collect-diagnostics',
      targets: { agents: ['ref1'] },
    });
    await ended(diagnostics.id as string, 'ref1', 'succeeded');
    expect((await site.target(diagnostics.id as string, 'ref1')).messages.join('\n')).toContain('rules: current 1.0');
  });

  it('reports why it failed, and succeeds at the second try', async () => {
    await service('ref2', { hooks: { scanService: 'test -e healed' } });
    const commandId = await site.deploy([one], ['ref2'], { tries: 2, retryMinutes: 0 });
    await until('the first try failed', async () => (await site.target(commandId, 'ref2')).attempts.length === 1);
    const target = await site.target(commandId, 'ref2');
    expect(target.attempts[0]).toMatchObject({ state: 'failed', reason: 'restart' });
    expect(box.current('rules')).toBeNull();
    await site.pass(0);
    await ended(commandId, 'ref2', 'failed');
    expect(await site.target(commandId, 'ref2')).toMatchObject({ attempt: 2, reason: 'restart' });
  });

  it('asks for consent, and takes no for an answer until it is asked again', async () => {
    await once('ref3', { confirmation: { auto: false } });
    const commandId = await site.deploy([one], ['ref3'], { parameters: { needsConfirmation: true } });
    await box.run(['once']);
    expect(await site.target(commandId, 'ref3')).toMatchObject({ state: 'queued', reason: 'needs-confirmation' });
    expect((await box.run(['deny'])).code).toBe(0);
    await box.run(['once']);
    expect(await site.target(commandId, 'ref3')).toMatchObject({ state: 'queued', reason: 'confirmation-denied' });
    expect((await box.run(['confirm'])).code).toBe(0);
    await box.run(['once']);
    expect(await site.target(commandId, 'ref3')).toMatchObject({ state: 'succeeded' });
  });

  it('stops when it is told to, before anything was changed', async () => {
    await once('ref4', { installWindow: windowThatIsShut() });
    const commandId = await site.deploy([one], ['ref4'], {
      parameters: { mode: { download: 'forced', update: 'attempt' } },
    });
    await box.run(['once']);
    expect(await site.target(commandId, 'ref4')).toMatchObject({ state: 'downloaded' });
    await site.api.post(`/api/v1/commands/${commandId}/cancel`);
    await box.run(['once']);
    expect(await site.target(commandId, 'ref4')).toMatchObject({ state: 'cancelled', reason: 'cancel-accepted' });
    expect(box.current('rules')).toBeNull();
    expect(box.downloads()).toEqual([]);
  });

  it('is who its certificate says, over HTTPS', async () => {
    const openssl = (...words: string[]): void => void execFileSync('openssl', words, { stdio: 'pipe', cwd: box.root });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test authority');
    const issue = (name: string, subject: string, extension: string): void =>
      openssl(
        'req',
        '-x509',
        ...key,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
        '-subj',
        subject,
        '-addext',
        extension,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
      );
    issue('server', '/CN=localhost', 'subjectAltName=DNS:localhost');
    issue('client', '/CN=ref5', 'extendedKeyUsage=clientAuth');
    issue('stranger', '/CN=ref6', 'extendedKeyUsage=clientAuth');
    const secure = await ManagedSite.start({
      clock: systemClock,
      config: {
        tlsCertFile: box.path('server.pem'),
        tlsKeyFile: box.path('server.key'),
        clientCaFile: box.path('ca.pem'),
      },
    });
    try {
      await secure.component('rules');
      const release = await secure.release('rules', '1.0');
      const server = secure.haishin.https.replace('127.0.0.1', 'localhost');
      const tls = (name: string) => ({
        caFile: box.path('ca.pem'),
        certFile: box.path(`${name}.pem`),
        keyFile: box.path(`${name}.key`),
      });
      box.configure(server, { controllerId: 'ref5', targetToken: undefined, tls: tls('stranger') });
      await box.run(['once']);
      expect((await secure.api.get('/api/v1/agents/ref5')).status).toBe(404);
      box.configure(server, { controllerId: 'ref5', targetToken: undefined, tls: tls('client') });
      expect((await box.run(['once'])).code).toBe(0);
      expect((await secure.api.get('/api/v1/agents/ref5')).body).toMatchObject({ createdBy: 'client certificate' });
      const commandId = await secure.deploy([release], ['ref5']);
      await box.run(['once']);
      expect(await secure.target(commandId, 'ref5')).toMatchObject({ state: 'succeeded' });
    } finally {
      await secure.dispose();
    }
  });
});

/** An hour that begins twelve hours from now, by the local clock that the agent reads. */
function windowThatIsShut(): { start: string; end: string } {
  const hour = (new Date().getHours() + 12) % 24;
  const text = (value: number): string => `${String(value % 24).padStart(2, '0')}:00`;
  return { start: text(hour), end: text(hour + 1) };
}
