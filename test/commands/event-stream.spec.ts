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

  const listen = async (bearer: string, agent?: Agent): Promise<IncomingMessage> => {
    const options = { agent, headers: { authorization: `Bearer ${bearer}` } };
    const [response] = await once(request(`${site.haishin.http}/api/v1/stream`, options).end(), 'response');
    return response as IncomingMessage;
  };
  const tokenOf = async (name: string): Promise<string> =>
    (await site.get(ApiTokenService).create({ name, role: 'viewer', createdBy: 'test' })).token;
  /** Listens by the token until that is refused. */
  const fill = async (bearer: string, agent: Agent): Promise<{ open: IncomingMessage[]; refused: IncomingMessage }> => {
    const open: IncomingMessage[] = [];
    for (;;) {
      const response = await listen(bearer, agent);
      if (response.statusCode !== 200) return { open, refused: response };
      open.push(response);
    }
  };

  it('says so to one listener too many, of a token or of all', async () => {
    const agent = new Agent();
    const greedy = await fill(await tokenOf('forgetful'), agent);
    expect(greedy.open.length).toBe(50);
    expect(greedy.refused).toMatchObject({
      statusCode: 429,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
    });
    expect(JSON.parse(await text(greedy.refused))).toMatchObject({ code: 'too-many-listeners-of-token' });
    // Everybody else is let in, until there are too many of all.
    let last = greedy.refused;
    for (let count = 0; last.statusCode !== 503 && count < 10; count += 1)
      last = (await fill(await tokenOf(`other ${count}`), agent)).refused;
    expect(last).toMatchObject({ statusCode: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
    expect(JSON.parse(await text(last))).toMatchObject({ code: 'too-many-listeners' });
    expect(site.get(EventStream).size).toBe(500);
    agent.destroy();
    await until('there is room again', async () => {
      const response = await listen(TEST_TOKEN);
      response.destroy();
      return response.statusCode === 200;
    });
  });

  it('streams to nobody whose token has been revoked', async () => {
    const [revoked, other] = [await listen(await tokenOf('console')), await listen(TEST_TOKEN)];
    revoked.resume();
    other.resume();
    await site.get(ApiTokenService).revoke('console');
    await site.get(EventStream).endRefused();
    await once(revoked, 'end');
    expect(other.readableEnded).toBe(false);
    other.destroy();
  });
});
