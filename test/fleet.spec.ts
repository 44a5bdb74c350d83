import { Command } from 'commander';
import type { Fleet } from '../src/fleet/fleet.js';
import { registerFleet } from '../src/fleet/fleet.command.js';
import { text, type Say } from '../src/platform/texts/texts.js';
import { startHaishin, type TestHaishin } from './support/haishin.js';
import { deploy, fleetOf, gatewayToken, newComponent, newRelease, reached, targets } from './support/products.js';
import { until } from './support/until.js';

/** What simulated products do is only of use when the server sees it as it would see it of real ones. */
const inEnglish: Say = (key, values) => text('en', key, values);

describe('simulated products', () => {
  let haishin: TestHaishin;
  let token: string;
  let fleet: Fleet | undefined;
  let version = 1;

  beforeAll(async () => {
    haishin = await startHaishin();
    await newComponent(haishin.api, 'site-rules');
    token = await gatewayToken(haishin.api);
  });

  afterAll(() => haishin.dispose());

  beforeEach(async () => {
    await newRelease(haishin.api, 'site-rules', String((version += 1)));
  });

  afterEach(async () => {
    await fleet?.stop();
    fleet = undefined;
  });

  const order = (agents: string[], rest: object = {}): object => ({
    components: ['site-rules'],
    targets: { agents },
    tries: 1,
    ...rest,
  });

  it('download what they install, and report it', async () => {
    fleet = await fleetOf(haishin.api, { token, agents: 1, prefix: 'good-', behaviour: { downloads: true } });
    const { id } = await deploy(haishin.api, order(['good-00001']));
    await reached(haishin.api, id, 'finished');
    await until('the inventory shows it', async () => {
      const { body } = await haishin.api.get('/api/v1/agents/good-00001');
      return body.components.some((each: Record<string, unknown>) => each['version'] === String(version));
    });
    expect(fleet.counters.bytes).toBe(Buffer.byteLength(`content of site-rules ${version}`));
  });

  it('can do the commands that they do', async () => {
    fleet = await fleetOf(haishin.api, { token, agents: 1, prefix: 'obedient-' });
    for (const [type, parameters] of [
      ['refresh-inventory', {}],
      ['collect-diagnostics', {}],
      ['set-schedule', { enabled: false }],
    ] as const) {
      const wish = { type, parameters, targets: { agents: ['obedient-00001'] } };
      const { body } = await haishin.api.post('/api/v1/commands', wish);
      await until(`${type} is done`, async () => {
        const state = await targets(haishin.api, body.id as string);
        return state['obedient-00001'] === 'succeeded';
      });
    }
  });

  it('fail with a reason and a text', async () => {
    fleet = await fleetOf(haishin.api, { token, agents: 1, prefix: 'bad-', role: () => 'failing' });
    const { id, commandId } = await deploy(haishin.api, order(['bad-00001']));
    await reached(haishin.api, id, 'finished');
    const { body } = await haishin.api.get(`/api/v1/commands/${commandId}/targets/bad-00001`);
    expect(body).toMatchObject({ state: 'failed', reason: 'installation' });
    expect(fleet.counters).toMatchObject({ failed: 1, succeeded: 0 });
  });

  it('send everything twice, and are counted once', async () => {
    fleet = await fleetOf(haishin.api, { token, agents: 1, prefix: 'twice-', role: () => 'repeating' });
    const { id, commandId } = await deploy(haishin.api, order(['twice-00001']));
    await reached(haishin.api, id, 'finished');
    const { body } = await haishin.api.get(`/api/v1/commands/${commandId}`);
    expect(body.counts).toMatchObject({ all: 1, successful: 1 });
  });

  it('enrol and are gone', async () => {
    fleet = await fleetOf(haishin.api, { token, agents: 1, prefix: 'gone-', role: () => 'offline' });
    const { id, commandId } = await deploy(haishin.api, order(['gone-00001']));
    expect(await targets(haishin.api, commandId)).toEqual({ 'gone-00001': 'queued' });
    const polls = fleet.counters.polls;
    await haishin.api.post(`/api/v1/deployments/${id}/abort`);
    expect(fleet.counters).toMatchObject({ polls, held: 0 });
  });

  it.each([
    ['give in to a cancellation', 'slow', 'cancelled'],
    ['or refuse it and go on', 'cancelRefusing', 'succeeded'],
  ] as const)('%s', async (_, role, state) => {
    const prefix = `${role.toLowerCase()}-`;
    const behaviour = { slowMilliseconds: 700, workMilliseconds: 700 };
    fleet = await fleetOf(haishin.api, { token, agents: 1, prefix, role: () => role, behaviour });
    const { commandId } = await deploy(haishin.api, order([`${prefix}00001`]));
    await until('it is at work', async () => {
      const { body } = await haishin.api.get(`/api/v1/commands/${commandId}/targets/${prefix}00001`);
      return body.state === 'downloaded';
    });
    expect((await haishin.api.post(`/api/v1/commands/${commandId}/cancel`)).status).toBeLessThan(300);
    await until('it has ended', async () => Object.values(await targets(haishin.api, commandId)).join() === state);
  });

  it('are two machines with one name, and the server says so', async () => {
    const behaviour = { waitSeconds: 0, pollSeconds: 0.05 };
    fleet = await fleetOf(haishin.api, { token, agents: 1, prefix: 'double-', role: () => 'duplicate', behaviour });
    await until('it is noticed', async () => {
      const { body } = await haishin.api.get('/api/v1/agents/double-00001');
      return body.duplicate !== null;
    });
  });

  it('can be had from the command line', async () => {
    const lines: string[] = [];
    const program = new Command().exitOverride();
    registerFleet(program, inEnglish, {
      print: (line) => lines.push(line),
      stopped: () =>
        until('all are there', async () => {
          const { body } = await haishin.api.get('/api/v1/agents?limit=500');
          const ours = body.items.filter((each: Record<string, unknown>) =>
            String(each['controllerId']).startsWith('line-'),
          );
          return ours.length === 3;
        }),
    });
    const flags = ['--url', haishin.http, '--gateway-token', token, '--agents', '3', '--prefix', 'line-', '--json'];
    await program.parseAsync(['node', 'haishin', 'fleet', ...flags]);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ errors: 0, held: 0 });
  });

  it.each([
    ['no token', [], /POST \/api\/v1\/enrolment-tokens/],
    ['a token file that is not there', ['--gateway-token-file', '/nowhere'], /\/nowhere cannot be read/],
    ['a share above 1', ['--gateway-token', 'x', '--slow', '1.5'], /from 0 to 1/],
    ['no number of agents', ['--gateway-token', 'x', '--agents', 'many'], /whole number/],
  ])('are refused on the command line with %s', async (_, flags, why) => {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
    registerFleet(program, inEnglish, { print: () => undefined, stopped: () => Promise.resolve() });
    program.commands.forEach((each) => each.exitOverride().configureOutput({ writeErr: () => undefined }));
    await expect(program.parseAsync(['node', 'haishin', 'fleet', ...flags])).rejects.toThrow(why);
  });
});
