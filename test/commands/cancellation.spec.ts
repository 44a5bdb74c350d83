import { actionIdOf, type DdiClient } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

describe('cancelling', () => {
  let site: ManagedSite;
  let release: TestRelease;
  let number = 0;

  beforeAll(async () => {
    site = await ManagedSite.start();
    await site.component('rules');
    release = await site.release('rules', '2.0');
  });

  afterAll(() => site.dispose());

  /** A product with an order of which it has told so much. */
  const begun = async (
    ...executions: string[]
  ): Promise<{ product: DdiClient; id: string; commandId: string; actionId: string }> => {
    const id = `c${(number += 1)}`;
    const product = await site.product(id);
    const commandId = await site.deploy([release], [id], { tries: 1 });
    const actionId = actionIdOf((await product.poll()).body._links.deploymentBase.href as string);
    if (executions.length > 0) await product.call('GET', `/deploymentBase/${actionId}`);
    for (const execution of executions.slice(1)) await product.feedback(actionId, execution);
    return { product, id, commandId, actionId };
  };
  const cancel = (commandId: string) => site.api.post(`/api/v1/commands/${commandId}/cancel`);

  it('withdraws at once what no product has fetched', async () => {
    const { product, id, commandId, actionId } = await begun();
    expect((await cancel(commandId)).body).toMatchObject({ withdrawn: 1, asked: 0 });
    expect(await site.target(commandId, id)).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled-by-person',
      text: { en: expect.stringContaining('bootstrap'), ja: expect.stringContaining('bootstrap') },
      // Words of the product alone: it has said none.
      message: null,
      messageTexts: [],
    });
    expect((await product.poll()).body._links).toEqual({});
    expect((await product.call('GET', `/deploymentBase/${actionId}`)).status).toBe(410);
    await site.settle();
    expect((await cancel(commandId)).body).toMatchObject({ status: 409, code: 'command-ended' });
  });

  it('asks a product that has begun, which stops', async () => {
    const { product, id, commandId, actionId } = await begun('get', 'download');
    expect((await cancel(commandId)).body).toMatchObject({ withdrawn: 0, asked: 1 });
    expect(await site.target(commandId, id)).toMatchObject({ state: 'cancelling', reason: 'cancellation-asked' });
    const { body } = await product.poll();
    expect(Object.keys(body._links)).toEqual(['cancelAction']);
    const asked = await product.call('GET', body._links.cancelAction.href as string);
    expect(asked.body).toEqual({ id: actionId, cancelAction: { stopId: actionId } });
    // What it does until it has seen it is noted and changes nothing.
    expect((await product.feedback(actionId, 'proceeding')).status).toBe(200);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'cancelling' });
    expect((await product.cancelFeedback(actionId, 'closed', 'success', ['stopped'])).status).toBe(200);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'cancelled', reason: 'cancel-accepted' });
    expect((await product.cancelFeedback(actionId, 'closed', 'success')).status).toBe(410);
    expect((await product.poll()).body._links).toEqual({});
  });

  it('lets a product refuse and go on', async () => {
    const { product, id, commandId, actionId } = await begun('get', 'proceeding');
    await cancel(commandId);
    expect((await product.cancelFeedback(actionId, 'rejected', 'none', ['too late'])).status).toBe(200);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'installing', reason: 'cancel-refused' });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
    expect((await product.cancelFeedback(actionId, 'closed')).status).toBe(404);
    await product.feedback(actionId, 'closed', 'success');
    expect(await site.target(commandId, id)).toMatchObject({ state: 'succeeded' });
  });

  it('is lost to a success that came first', async () => {
    const { product, id, commandId, actionId } = await begun('get', 'proceeding');
    await cancel(commandId);
    expect((await product.feedback(actionId, 'closed', 'success')).status).toBe(200);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'succeeded', reason: 'cancelled-too-late' });
    expect((await product.cancelFeedback(actionId, 'closed')).status).toBe(410);
  });

  it('is told that it comes too late, however shortly after the end', async () => {
    const { product, commandId, actionId } = await begun('fetch');
    await product.feedback(actionId, 'closed', 'success');
    expect(await cancel(commandId)).toMatchObject({ status: 409, body: { code: 'command-ended' } });
  });

  it('gives a failure no second try', async () => {
    const id = `c${(number += 1)}`;
    const product = await site.product(id);
    const commandId = await site.deploy([release], [id], { tries: 3 });
    const { body } = await product.fetchDeployment();
    await cancel(commandId);
    await product.feedback(body.id as string, 'closed', 'failure');
    expect(await site.target(commandId, id)).toMatchObject({ state: 'failed', attempt: 1 });
  });

  it('expires when nobody confirms it', async () => {
    const { id, commandId } = await begun('get', 'download');
    await cancel(commandId);
    await site.pass(24 * 60 + 1);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'expired', reason: 'cancel-not-confirmed' });
  });

  it('leaves a product that is at it beyond its time a while to answer', async () => {
    const { product, id, commandId, actionId } = await begun('get', 'download');
    site.clock.advance(24 * 3_600_000 - 60_000);
    await product.feedback(actionId, 'proceeding');
    await site.pass(5);
    await cancel(commandId);
    await site.pass(1);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'cancelling' });
    expect((await product.call('GET', `/cancelAction/${actionId}`)).status).toBe(200);
    await site.pass(121);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'expired', reason: 'cancel-not-confirmed' });
  });

  it('of two administrators at once only one withdraws', async () => {
    const { commandId, id } = await begun();
    const answers = await Promise.all([cancel(commandId), cancel(commandId), cancel(commandId)]);
    expect(answers.reduce((sum, { body }) => sum + ((body.withdrawn as number | undefined) ?? 0), 0)).toBe(1);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'cancelled' });
  });

  it('of cancel and success at the same moment one wins and the other is told', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { product, id, commandId, actionId } = await begun('get', 'proceeding');
      const [, success] = await Promise.all([cancel(commandId), product.feedback(actionId, 'closed', 'success')]);
      // Asked or not, the product had finished: that is what counts.
      expect(success.status).toBe(200);
      expect((await site.target(commandId, id)).state).toBe('succeeded');
    }
  });

  it('of withdrawal and fetch at the same moment one wins', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { product, id, commandId, actionId } = await begun();
      const [, fetched] = await Promise.all([cancel(commandId), product.call('GET', `/deploymentBase/${actionId}`)]);
      const { state } = await site.target(commandId, id);
      expect(fetched.status === 200 ? ['cancelling'] : ['cancelled']).toContain(state);
    }
  });

  it('of two endings at the same moment exactly one counts', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { product, id, commandId, actionId } = await begun('get');
      const answers = await Promise.all([
        product.feedback(actionId, 'closed', 'success'),
        product.feedback(actionId, 'closed', 'failure'),
        product.feedback(actionId, 'closed', 'success'),
      ]);
      expect(answers.map((answer) => answer.status).sort()).toEqual([200, 410, 410]);
      const target = await site.target(commandId, id);
      expect(target.timeline).toHaveLength(1);
      expect(['succeeded', 'failed']).toContain(target.state);
    }
    await site.settle();
    const { body } = await site.api.get('/api/v1/commands?limit=500');
    for (const command of body.items)
      expect(Object.values(command.states as Record<string, number>).every((count) => count >= 0)).toBe(true);
  });

  it('of expiry and success at the same moment one wins', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { product, id, commandId, actionId } = await begun('get');
      site.clock.advance((24 * 60 + 1) * 60_000);
      const [success] = await Promise.all([product.feedback(actionId, 'closed', 'success'), site.pass(0)]);
      const { state } = await site.target(commandId, id);
      expect(success.status === 200 ? 'succeeded' : 'expired').toBe(state);
    }
  });
});
