import pg from 'pg';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction.js';
import type { DeployParameters, NewTarget } from '../../src/modules/commands/commands.api.js';
import { actionIdOf } from '../support/ddi-client.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';
import { until } from '../support/until.js';

describe('the consent of a product', () => {
  let site: ManagedSite;
  let release: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start();
    release = await site.firstRelease('rules', '4.0');
  });
  afterAll(() => site.dispose());

  it('waits for the consent of somebody at the product', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const commandId = await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    const { body } = await product.poll();
    expect(Object.keys(body._links)).toEqual(['confirmationBase']);
    const href = body._links.confirmationBase.href as string;
    const actionId = actionIdOf(href);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'queued', reason: 'needs-confirmation' });
    expect((await product.call('GET', href)).body).toMatchObject({
      id: actionId,
      confirmation: { chunks: [{ part: 'rules' }] },
    });
    expect((await product.call('GET', `/deploymentBase/${actionId}`)).status).toBe(404);
    const summary = (await product.call('GET', '/confirmationBase')).body;
    expect(summary).toMatchObject({
      autoConfirm: { active: false },
      _links: { activateAutoConfirm: {}, confirmationBase: {} },
    });
    const answer = (confirmation: string) =>
      product.call('POST', `/confirmationBase/${actionId}/feedback`, { confirmation, code: 1, details: ['by hand'] });
    expect((await answer('perhaps')).status).toBe(400);
    expect((await answer('denied')).status).toBe(200);
    expect(await site.target(commandId, id)).toMatchObject({ state: 'queued', reason: 'confirmation-denied' });
    expect((await answer('confirmed')).status).toBe(200);
    expect((await product.fetchDeployment()).body.id).toBe(actionId);
    expect((await answer('denied')).status).toBe(410);
  });

  it('keeps the word of somebody who says the same for ever once, and of somebody who cannot decide for a while', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    const actionId = actionIdOf((await product.poll()).body._links.confirmationBase.href as string);
    const answer = async (confirmation: string): Promise<void> => {
      const body = { confirmation, code: 1, details: ['by hand'] };
      expect((await product.call('POST', `/confirmationBase/${actionId}/feedback`, body)).status).toBe(200);
    };
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    const told = async (): Promise<number[]> => {
      const { rows } = await database.query<{ kept: number; counted: number }>(
        `select feedback_count as counted, (select count(*)::int from target_message m where m.action_id = t.action_id) as kept
         from command_target t where controller_id = $1`,
        [id],
      );
      return [rows[0]?.kept ?? 0, rows[0]?.counted ?? 0];
    };
    for (let time = 0; time < 3; time += 1) await answer('denied');
    expect(await told()).toEqual([1, 1]);
    await database.query('update command_target set feedback_count = 1000 where controller_id = $1', [id]);
    await answer('confirmed');
    await answer('denied');
    await answer('confirmed');
    expect(await told()).toEqual([1, 1000]);
    await database.end();
    expect((await product.fetchDeployment()).body.id).toBe(actionId);
  });

  it('consents by itself when the product says so', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    expect((await product.call('POST', '/confirmationBase/activateAutoConfirm', { initiator: 'me' })).status).toBe(200);
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
    await product.call('POST', '/confirmationBase/deactivateAutoConfirm');
    await site.deploy([release], [id], { parameters: { needsConfirmation: true } });
    expect(Object.keys((await product.poll()).body._links)).toEqual(['confirmationBase']);
  });

  it('that it gives to everything holds for an order that is being written just now', async () => {
    const id = site.fresh();
    const product = await site.product(id);
    const database = new pg.Client({ connectionString: site.haishin.database.url });
    await database.connect();
    let given = false;
    let activation: Promise<unknown> = Promise.resolve();
    const parameters: DeployParameters = {
      releases: [
        { componentId: 'rules', releaseId: release.releaseId, version: '4.0', variant: null, channel: 'global' },
      ],
      mode: { download: 'forced', update: 'forced' },
      window: null,
      needsConfirmation: true,
    };
    const targets: NewTarget[] = [{ controllerId: id, state: 'queued', reason: null, versionBefore: null }];
    await inTransaction(site.get(DataSource), async (manager) => {
      await site.commands.create({ type: 'deploy', issuedBy: 'tester', parameters, targets }, manager);
      activation = product.call('POST', '/confirmationBase/activateAutoConfirm').then(() => (given = true));
      await until('it was given, or waits for the order', async () => {
        const { rows } = await database.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'`);
        return given || rows.length > 0;
      });
    });
    await activation;
    await database.end();
    expect(Object.keys((await product.poll()).body._links)).toEqual(['deploymentBase']);
  });
});
