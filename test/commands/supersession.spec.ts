import pg from 'pg';
import { CommandStanding } from '../../src/modules/commands/commands.api.js';
import { CommandSweeper } from '../../src/modules/commands/command.sweeper.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('at most one open update for each product and component', () => {
  let site: ManagedSite;
  let rules: Record<string, TestRelease>;
  let lists: TestRelease;
  let number = 0;

  beforeAll(async () => {
    site = await ManagedSite.start();
    await site.component('rules');
    await site.component('lists');
    rules = {};
    for (const version of ['1', '2', '3']) rules[version] = await site.release('rules', version);
    lists = await site.release('lists', '7');
  });

  afterAll(() => site.dispose());

  const rule = (version: string): TestRelease => {
    const found = rules[version];
    if (found === undefined) throw new Error(version);
    return found;
  };
  const counts = async (commandId: string) => (await site.get(CommandStanding).countsOf([commandId])).get(commandId);
  const fresh = (): string => `s${(number += 1)}`;
  const state = async (commandId: string, id: string): Promise<string> =>
    (await site.target(commandId, id)).state as string;

  it('the newer order takes the place of one that waits, linked both ways', async () => {
    const id = fresh();
    const product = await site.product(id);
    const first = await site.deploy([rule('1')], [id]);
    const second = await site.deploy([rule('2')], [id]);
    expect(await site.target(first, id)).toMatchObject({
      state: 'superseded',
      reason: 'by-command',
      supersededBy: second,
    });
    expect((await product.fetchDeployment()).body.deployment.chunks).toMatchObject([{ version: '2' }]);
    expect((await site.api.get(`/api/v1/commands/${first}`)).body).toMatchObject({ supersededBy: [second] });
    expect((await site.api.get(`/api/v1/commands/${second}`)).body).toMatchObject({ supersedes: [first] });
    await site.settle();
    const { body } = await site.api.get(`/api/v1/commands/${first}`);
    expect(body).toMatchObject({ state: 'ended', counts: { superseded: 1, unsuccessful: 0 } });
  });

  it('the newer order waits for one that is under way', async () => {
    const id = fresh();
    const product = await site.product(id);
    const first = await site.deploy([rule('1')], [id]);
    const { body } = await product.fetchDeployment();
    const second = await site.deploy([rule('2')], [id]);
    expect(await site.target(second, id)).toMatchObject({ state: 'queued', reason: 'other-update-running' });
    expect((await product.fetchDeployment()).body.id).toBe(body.id);
    // A third one takes the place of the second and goes on waiting.
    const third = await site.deploy([rule('3')], [id]);
    expect(await state(second, id)).toBe('superseded');
    expect(await site.target(third, id)).toMatchObject({ state: 'queued', held: 'order' });
    await product.feedback(body.id as string, 'closed', 'success');
    await site.settle();
    expect(await state(first, id)).toBe('succeeded');
    expect((await product.fetchDeployment()).body.deployment.chunks).toMatchObject([{ version: '3' }]);
  });

  it('leaves to an older order the components that the newer one has not', async () => {
    const id = fresh();
    const product = await site.product(id);
    const both = await site.deploy([rule('1'), lists], [id]);
    const one = await site.deploy([rule('2')], [id]);
    expect(await site.target(both, id)).toMatchObject({ state: 'queued', components: ['lists'] });
    const fetched = await product.fetchDeployment();
    expect(fetched.body.deployment.chunks).toMatchObject([{ part: 'lists' }]);
    await product.feedback(fetched.body.id as string, 'closed', 'success');
    await site.settle();
    expect((await product.fetchDeployment()).body.deployment.chunks).toMatchObject([{ part: 'rules', version: '2' }]);
    expect(await state(one, id)).toBe('delivered');
  });

  it('a ring that opens late does not put an older version over a newer one', async () => {
    const id = fresh();
    const product = await site.product(id);
    const held = {
      controllerId: id,
      state: 'queued' as const,
      reason: 'ring-not-open',
      versionBefore: null,
      held: 'ring' as const,
    };
    const planned = await site.deploy([rule('1')], [held]);
    expect((await product.poll()).body._links).toEqual({});
    expect(await site.target(planned, id)).toMatchObject({ state: 'queued', held: 'ring', reason: 'ring-not-open' });
    await site.deploy([rule('2')], [id]);
    expect(await state(planned, id)).toBe('superseded');
    expect(await site.commands.releaseHeld(planned, 'all', 'ring-opened')).toBe(0);
  });

  it('a ring that opens leaves in peace who needs nothing any more', async () => {
    const [current, half] = [fresh(), fresh()];
    await site.product(current);
    const product = await site.product(half);
    const held = (controllerId: string) => ({
      controllerId,
      state: 'queued' as const,
      reason: 'ring-not-open',
      versionBefore: null,
      held: 'ring' as const,
    });
    const planned = await site.deploy([rule('1'), lists], [held(current), held(half)]);
    const revision = (controllerId: string, components: string[]) => ({
      controllerId,
      components,
      reason: 'already-current',
      versions: { rules: '0', lists: '1' },
    });
    expect(await site.commands.reviseHeld(planned, [revision(current, []), revision(half, ['rules'])])).toBe(1);
    expect(await site.target(planned, current)).toMatchObject({ state: 'skipped', reason: 'already-current' });
    expect(await site.commands.releaseHeld(planned, [current, half], 'ring-opened')).toBe(1);
    expect(await site.target(planned, half)).toMatchObject({ components: ['rules'], versionBefore: '0' });
    expect((await product.fetchDeployment()).body.deployment.chunks).toMatchObject([{ part: 'rules' }]);
    // Who is offered it already is not touched.
    expect(await site.commands.reviseHeld(planned, [revision(half, [])])).toBe(0);
  });

  it('a ring that opens takes the place of what waits', async () => {
    const id = fresh();
    const product = await site.product(id);
    const direct = await site.deploy([rule('1')], [id]);
    const held = {
      controllerId: id,
      state: 'queued' as const,
      reason: null,
      versionBefore: null,
      held: 'ring' as const,
    };
    const planned = await site.deploy([rule('2')], [held]);
    expect(await state(direct, id)).toBe('queued');
    expect(await site.commands.releaseHeld(planned, [id], 'ring-opened')).toBe(1);
    expect(await state(direct, id)).toBe('superseded');
    expect((await product.fetchDeployment()).body.deployment.chunks).toMatchObject([{ version: '2' }]);
  });

  it('a pause takes back what nobody fetched, and gives it again', async () => {
    const [one, two] = [fresh(), fresh()];
    const [first, second] = [await site.product(one), await site.product(two)];
    const commandId = await site.deploy([rule('1')], [one, two]);
    const { body } = await first.fetchDeployment();
    expect(await site.commands.holdAll(commandId, 'deployment-paused')).toBe(1);
    expect((await second.poll()).body._links).toEqual({});
    expect(await site.target(commandId, two)).toMatchObject({ held: 'paused', reason: 'deployment-paused' });
    expect((await first.feedback(body.id as string, 'closed', 'success')).status).toBe(200);
    expect(await site.commands.releaseHeld(commandId, 'all', 'resumed')).toBe(1);
    expect((await second.fetchDeployment()).status).toBe(200);
  });

  it('many orders at the same moment leave exactly one open', async () => {
    const ids = Array.from({ length: 20 }, fresh);
    const registered = await site.api.post(
      '/api/v1/agents',
      ids.map((controllerId) => ({ controllerId })),
    );
    expect(registered.status).toBe(201);
    const commands = await Promise.all(
      ['1', '2', '3', '1', '2', '3', '1', '2'].map((version) => site.deploy([rule(version)], ids)),
    );
    for (const id of ids) {
      const states = await Promise.all(commands.map((commandId) => state(commandId, id)));
      expect(states.filter((each) => each === 'queued')).toHaveLength(1);
      expect(states.filter((each) => each === 'superseded')).toHaveLength(commands.length - 1);
    }
  });

  it('orders that race with endings lose nothing', async () => {
    const id = fresh();
    const product = await site.product(id);
    let last = await site.deploy([rule('1')], [id]);
    for (let round = 0; round < 15; round += 1) {
      const { body } = await product.fetchDeployment();
      const [, next] = await Promise.all([
        product.feedback(body.id as string, 'closed', 'success'),
        site.deploy([rule(String((round % 3) + 1))], [id]),
      ]);
      await site.settle();
      expect(await state(last, id)).toBe('succeeded');
      // Whichever came first: the new order is offered, not stuck behind one that is over.
      expect(await site.target(next, id)).toMatchObject({ state: 'queued', held: null });
      last = next;
    }
  });

  it('creates 10,000 targets in one short transaction', async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `bulk-${index}`);
    for (let i = 0; i < ids.length; i += 1000)
      await site.api.post(
        '/api/v1/agents',
        ids.slice(i, i + 1000).map((controllerId) => ({ controllerId })),
      );
    const commandId = await site.deploy([rule('1')], ids);
    expect(await counts(commandId)).toMatchObject({ queued: 10_000 });
    const newer = await site.deploy([rule('2')], ids);
    expect(await counts(commandId)).toMatchObject({ queued: 0, superseded: 10_000 });
    expect(await counts(newer)).toMatchObject({ queued: 10_000 });
    expect((await site.api.post(`/api/v1/commands/${newer}/cancel`)).body).toMatchObject({ withdrawn: 10_000 });
    await site.settle();
    expect((await site.api.get(`/api/v1/commands/${newer}`)).body).toMatchObject({
      state: 'ended',
      counts: { all: 10_000, cancelled: 10_000 },
    });
  });

  it('a product whose wake-up was lost is found behind any number of those that rightly wait', async () => {
    const id = 'zz-last';
    const product = await site.product(id);
    const first = await site.deploy([rule('1')], [id]);
    await product.fetchDeployment();
    const second = await site.deploy([rule('2')], [id]);
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    // 5,000 others wait for the first command as well, and come before it in the order of their names.
    await database.query(
      `with many as (select 'a' || lpad(n::text, 5, '0') as id from generate_series(1, 5000) n),
         held as (insert into open_update select many.id, 'rules', c.month, c.seq from many, command c where c.id = $1)
       insert into command_target (month, command_seq, controller_id, state, since, held, components, progress_at, expires_at)
       select c.month, c.seq, many.id, 'queued', c.issued_at, 'order', array['rules'], c.issued_at, c.expires_at from many, command c
       where c.id = $2`,
      [first, second],
    );
    // The process dies between the end of the first one and the promotion.
    await database.query(
      `with freed as (delete from open_update where controller_id = $1)
       update command_target set state = 'succeeded', ended_at = since where controller_id = $1 and state = 'delivered'`,
      [id],
    );
    expect(await site.target(second, id)).toMatchObject({ state: 'queued', held: 'order' });
    await site.get(CommandSweeper).sweep();
    expect(await site.target(second, id)).toMatchObject({ state: 'queued', held: null });
    expect((await product.fetchDeployment()).body.deployment.chunks).toMatchObject([{ version: '2' }]);
    await database.end();
  });
});
