import { ManagedSite } from '../support/managed-site.js';
import { sendAndReset } from '../support/raw-http.js';

/** As many as it takes that one is read although its connection is gone already. */
const TRIES = 30;

const HEADERS = 'X-Haishin-Client-CN: victim\r\nX-Client-CN: victim\r\nX-Forwarded-For: 10.9.9.9\r\n';

describe.each([
  ['out of the box', {}],
  ['behind a proxy that tells no names', { trustedProxies: ['10.0.0.0/8'] }],
  ['behind a proxy that does', { trustedProxies: ['10.0.0.0/8'], clientCertHeader: 'X-Client-CN' }],
])('a client that claims to be a product and hides its address, %s', (_name, config) => {
  let site: ManagedSite;

  beforeAll(async () => {
    site = await ManagedSite.start({ config });
  });

  afterAll(() => site.dispose());

  /** Requests are taken in their order: what was sent before this has been looked at. */
  const allLookedAt = async (): Promise<void> => {
    for (let i = 0; i < 5; i += 1) await site.api.get('/api/v1/agents');
  };

  it.each(['http', 'https'] as const)('enrols nothing over %s', async (listener) => {
    for (let i = 0; i < TRIES; i += 1) {
      const head = HEADERS.replaceAll('victim', `forged-${i}`);
      await sendAndReset(
        site.haishin[listener],
        `GET /DEFAULT/controller/v1/forged-${i} HTTP/1.1\r\nHost: h\r\n${head}\r\n`,
      );
    }
    await allLookedAt();
    expect((await site.api.get('/api/v1/agents')).body.items).toEqual([]);
  });

  it('reports nothing in the name of a product, and is not taken for a sign of its life', async () => {
    await site.api.post('/api/v1/agents', { controllerId: 'victim' });
    const release = await site.firstRelease('rules', '1.0');
    const commandId = await site.deploy([release], ['victim']);
    const body = JSON.stringify({ status: { execution: 'closed', result: { finished: 'success' } } });
    for (const actionId of [1, 2, 3])
      for (let i = 0; i < TRIES; i += 1)
        await sendAndReset(
          site.haishin.http,
          `POST /DEFAULT/controller/v1/victim/deploymentBase/${actionId}/feedback HTTP/1.1\r\nHost: h\r\n${HEADERS}` +
            `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
    await allLookedAt();
    expect(await site.target(commandId, 'victim')).toMatchObject({ state: 'queued', messages: [] });
    expect((await site.api.get('/api/v1/agents/victim')).body).toMatchObject({ state: 'never', lastContactAt: null });
  });
});
