import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { DdiClient } from '../support/ddi-client.js';
import { TEST_TOKEN } from '../support/haishin.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';
import { ApiTokenService } from '../../src/modules/accounts/accounts.api.js';
import { EventStream } from '../../src/modules/commands/event-stream.js';
import { until } from '../support/until.js';

describe('the event stream', () => {
  let site: ManagedSite;
  let rules: TestRelease;
  let product: DdiClient;

  beforeAll(async () => {
    site = await ManagedSite.start();
    rules = await site.firstRelease('rules', '1.0');
    product = await site.product('s1');
  });

  afterAll(() => site.dispose());

  it('is shown to whoever only looks, who takes no place and is not kept waiting', async () => {
    const agent = new Agent();
    const options = { agent, method: 'HEAD', headers: { authorization: `Bearer ${TEST_TOKEN}` } };
    const [response] = (await once(request(`${site.haishin.http}/api/v1/stream`, options).end(), 'response')) as [
      IncomingMessage,
    ];
    expect(response).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    });
    await once(response.resume(), 'end');
    expect(site.get(EventStream).size).toBe(0);
    agent.destroy();
    const refused = { method: 'HEAD' };
    expect((await fetch(`${site.haishin.http}/api/v1/stream`, refused)).status).toBe(401);
  });

  it('streams what changes', async () => {
    const events: string[] = [];
    const stream = request(
      `${site.haishin.http}/api/v1/stream`,
      { headers: { authorization: `Bearer ${TEST_TOKEN}` } },
      (response) => {
        expect(response.headers['content-type']).toContain('text/event-stream');
        response.on('data', (part: Buffer) => events.push(part.toString()));
      },
    );
    stream.end();
    await until('attached', () => events.join('').includes('retry:'));
    const commandId = await site.deploy([rules], ['s1'], { tries: 1 });
    const id = (await product.fetchDeployment())?.body.id as string;
    await product.feedback(id, 'closed', 'success');
    await until('told', () => /event: command[^]*"successful":1/.test(events.join('')));
    const text = events.join('');
    expect(text).toContain(`"commandId":"${commandId}","controllerId":"s1","state":"succeeded"`);
    stream.destroy();
    const last = /id: (\S+)\n(?![^]*id: )/.exec(text)?.[1] ?? '';
    const again: string[] = [];
    const resumed = request(
      `${site.haishin.http}/api/v1/stream`,
      { headers: { authorization: `Bearer ${TEST_TOKEN}`, 'last-event-id': 'long-forgotten' } },
      (response) => response.on('data', (part: Buffer) => again.push(part.toString())),
    );
    resumed.end();
    await until('told to look again', () => again.join('').includes('event: reset'));
    resumed.destroy();
    expect(last).not.toBe('');
    expect((await fetch(`${site.haishin.http}/api/v1/stream`)).status).toBe(401);
  });

  it('says so to one listener too many', async () => {
    const agent = new Agent();
    const listen = async (): Promise<IncomingMessage> => {
      const options = { agent, headers: { authorization: `Bearer ${TEST_TOKEN}` } };
      const [response] = await once(request(`${site.haishin.http}/api/v1/stream`, options).end(), 'response');
      return response as IncomingMessage;
    };
    const open: IncomingMessage[] = [];
    // One of the test before may not be known to have gone yet.
    while (open.length < 500 && open.at(-1)?.statusCode !== 503) open.push(await listen());
    const refused = open.at(-1)?.statusCode === 503 ? open.pop() : await listen();
    expect(refused).toMatchObject({ statusCode: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
    expect(JSON.parse(await text(refused as IncomingMessage))).toMatchObject({ code: 'too-many-listeners' });
    for (const response of open) response.destroy();
    agent.destroy();
    await until('there is room again', async () => {
      const response = await listen();
      response.destroy();
      return response.statusCode === 200;
    });
  });

  it('streams to nobody whose token has been revoked', async () => {
    const tokens = site.get(ApiTokenService);
    const { token } = await tokens.create({ name: 'console', role: 'viewer', createdBy: 'test' });
    const open = async (bearer: string): Promise<IncomingMessage> => {
      const options = { headers: { authorization: `Bearer ${bearer}` } };
      const [response] = (await once(request(`${site.haishin.http}/api/v1/stream`, options).end(), 'response')) as [
        IncomingMessage,
      ];
      return response.resume();
    };
    const [revoked, other] = [await open(token), await open(TEST_TOKEN)];
    await tokens.revoke('console');
    await site.get(EventStream).endRefused();
    await once(revoked, 'end');
    expect(other.readableEnded).toBe(false);
    other.destroy();
  });
});
