import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { Client } from 'pg';
import { EnrolmentTokenService } from '../../src/modules/agents/enrolment-token.service.js';
import { ApiCaller } from '../support/haishin.js';
import { DdiClient } from '../support/ddi-client.js';
import { ManagedSite } from '../support/managed-site.js';
import { until } from '../support/until.js';

/** More than there are connections to the database. */
const MANY = 60;

describe('tokens that are not valid', () => {
  let site: ManagedSite;
  let other: Client;

  beforeAll(async () => {
    site = await ManagedSite.start();
    other = new Client(site.haishin.database.url);
    await other.connect();
  });

  afterAll(async () => {
    await other.end();
    await site.dispose();
  });

  const random = (): string => randomBytes(32).toString('base64url');
  const gateway = (token: string, id = 'gw1'): DdiClient =>
    new DdiClient(site.haishin.http, id, { token, scheme: 'GatewayToken' });
  const newGateway = async (): Promise<{ id: string; token: string }> =>
    (await site.api.post('/api/v1/enrolment-tokens', { name: 'gw', kind: 'gateway' })).body;
  /** Nobody can look at these tables until the end. */
  const whileLocked = async (tables: string, work: () => Promise<void>): Promise<void> => {
    await other.query(`begin; lock table ${tables} in access exclusive mode`);
    try {
      await work();
    } finally {
      await other.query('rollback');
    }
  };
  const blocked = async (): Promise<number> => {
    const { rows } = await other.query<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows[0]?.count ?? 0;
  };

  it('take one connection for each kind, however many are tried: products go on', async () => {
    const { body } = await site.api.post('/api/v1/agents', { controllerId: 'cold' });
    const tries: Promise<number>[] = [];
    await whileLocked('enrolment_token, api_token', async () => {
      for (let i = 0; i < MANY; i += 1) {
        tries.push(
          gateway(random())
            .poll()
            .then(({ status }) => status),
        );
        tries.push(new ApiCaller(site.haishin.http, random()).get('/api/v1/agents').then(({ status }) => status));
      }
      await until('both wait', async () => (await blocked()) >= 2);
      expect(
        (await new DdiClient(site.haishin.http, 'cold', { token: body.securityToken as string }).poll()).status,
      ).toBe(200);
      expect(await blocked()).toBe(2);
    });
    expect(new Set(await Promise.all(tries))).toEqual(new Set([401]));
  });

  it('do not push a real one out of the memory', async () => {
    const { token } = await newGateway();
    expect((await gateway(token).poll()).status).toBe(200);
    for (let i = 0; i < 30; i += 1) await Promise.all(Array.from({ length: 50 }, () => gateway(random()).poll()));
    await whileLocked('enrolment_token', async () => {
      expect((await gateway(token).poll()).status).toBe(200);
    });
  });

  it('do not keep a new one waiting', async () => {
    const { token } = await newGateway();
    expect((await gateway(token, 'gw2').poll()).status).toBe(200);
    const flood = Array.from({ length: MANY }, () => gateway(random()).poll());
    const { token: second } = await newGateway();
    expect((await gateway(second, 'gw3').poll()).status).toBe(200);
    await Promise.all(flood);
  });

  it('are not taken for valid by an answer that is older than their revocation', async () => {
    const { id, token } = await newGateway();
    expect((await gateway(token, 'gw4').poll()).status).toBe(200);
    // With any change of tokens they are all looked up again.
    await newGateway();
    const tokens = site.get(EnrolmentTokenService);
    const read = tokens.findAll.bind(tokens);
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const answered = new Promise<void>((resolve) => {
      jest.spyOn(tokens, 'findAll').mockImplementationOnce(async (hashes) => {
        const found = await read(hashes);
        resolve();
        await released;
        return found;
      });
    });
    const early = gateway(token, 'gw4').poll();
    await answered;
    await site.api.call('DELETE', `/api/v1/enrolment-tokens/${id}`);
    release();
    await early;
    expect((await gateway(token, 'gw4').poll()).status).toBe(401);
  });
});
