import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WakeUpCalls, wakeUpSignature } from '../../src/modules/agents/wake-up-calls.js';
import { WakeUpNetworks } from '../../src/modules/agents/wake-up-networks.js';
import { DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';
import { until } from '../support/until.js';

describe('wake-up calls', () => {
  let site: ManagedSite;
  let release: TestRelease;
  let receiver: Server;
  const calls: { request: IncomingMessage; body: string }[] = [];
  let answer = 200;
  /** What an answer waits for. */
  let hold: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    site = await ManagedSite.start();
    await site.component('rules');
    release = await site.release('rules', '3.0');
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        calls.push({ request, body });
        void hold.then(() =>
          response.writeHead(answer, answer === 302 ? { location: '/elsewhere' } : {}).end('no matter'),
        );
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
  });

  afterAll(async () => {
    receiver.close();
    await site.dispose();
  });

  const url = (): string => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/wake`;
  const allow = async (networks: string[]): Promise<void> => {
    const { body } = await site.api.get('/api/v1/settings/agents');
    await site.api.put('/api/v1/settings/agents', { ...body, wakeUpNetworks: networks });
  };

  it('never go to this machine unless its network is named', async () => {
    const product = await site.product('w1', { 'haishin.callback': url() });
    expect((await product.poll()).status).toBe(200);
    const networks = site.get(WakeUpNetworks);
    for (const target of [
      url(),
      'http://localhost:1/',
      'http://[::1]/',
      'http://169.254.169.254/latest',
      'http://8.8.8.8/',
    ])
      await expect(networks.resolve(new URL(target))).rejects.toMatchObject({ code: 'callback-not-allowed' });
    await expect(networks.resolve(new URL('http://10.9.8.7/'))).resolves.toEqual({ address: '10.9.8.7', family: 4 });
  });

  it('are signed with a secret that the product was told once', async () => {
    await allow(['127.0.0.0/8']);
    const { body } = await site.api.post('/api/v1/agents', { controllerId: 'w2' });
    const product = new DdiClient(site.haishin.http, 'w2', { token: body.securityToken as string });
    const told = await product.configData({ 'haishin.callback': url() });
    const secret = told.headers['x-haishin-callback-secret'] as string;
    expect(secret.length).toBeGreaterThan(30);
    expect(
      (await product.configData({ 'haishin.callback': url() })).headers['x-haishin-callback-secret'],
    ).toBeUndefined();
    await site.deploy([release], ['w2']);
    await until('called', () => calls.length === 1);
    const [{ request, body: text }] = calls as [(typeof calls)[number]];
    expect(JSON.parse(text)).toEqual({ controllerId: 'w2' });
    const timestamp = request.headers['x-haishin-timestamp'] as string;
    expect(request.headers['x-haishin-signature']).toBe(wakeUpSignature(secret, timestamp, text));
    expect(JSON.stringify((await site.api.get('/api/v1/agents/w2')).body)).not.toContain(secret);
  });

  it('follow no redirect', async () => {
    calls.length = 0;
    answer = 302;
    await site.deploy([release], ['w2']);
    await until('called', () => calls.length === 1);
    await site.deploy([release], ['w2']);
    await until('called again', () => calls.length === 2);
    expect(calls.map(({ request }) => request.url)).toEqual(['/wake', '/wake']);
  });

  it('come once more for what came up while one was being made', async () => {
    answer = 200;
    const product = await site.product('w4', { 'haishin.callback': url() });
    const ofProduct = (): number => calls.filter((call) => call.body.includes('w4')).length;
    let letGo = (): void => undefined;
    hold = new Promise((resolve) => (letGo = resolve));
    await site.deploy([release], ['w4']);
    await until('called', () => ofProduct() === 1);
    // The product polls for the order before it answers the call; what comes up now it does not know.
    expect((await product.fetchDeployment()).status).toBe(200);
    await site.get(WakeUpCalls).call(['w4']);
    letGo();
    await until('called again', () => ofProduct() === 2);
  });

  it('come again when the pause between two tries is over', async () => {
    answer = 200;
    const product = await site.product('w3', { 'haishin.callback': url() });
    await site.deploy([release], ['w3'], { retryMinutes: 30 });
    const { body } = await product.fetchDeployment();
    await until('called', () => calls.some((call) => call.body.includes('w3')));
    await product.feedback(body.id as string, 'closed', 'failure');
    calls.length = 0;
    await site.pass(31);
    await until('called again', () => calls.some((call) => call.body.includes('w3')));
    expect((await product.fetchDeployment()).status).toBe(200);
  });

  it('go to addresses that could be meant only', async () => {
    const { body } = await site.api.call('PATCH', '/api/v1/agents/w1', { callbackUrl: 'http://user:pass@10.0.0.1/' });
    expect(body).toMatchObject({ status: 400, code: 'callback-url-invalid' });
    const product = new DdiClient(site.haishin.http, 'w2', {});
    expect((await product.configData({ 'haishin.callback': 'file:///etc/passwd' })).status).toBe(401);
    const change = await site.api.call('PATCH', '/api/v1/agents/w1', { callbackUrl: 'https://10.1.2.3/wake' });
    expect(change.body).toMatchObject({ callbackUrl: 'https://10.1.2.3/wake' });
    expect(change.body.callbackSecret).toBeDefined();
  });
});
