import { startFleet, type Fleet, type FleetOptions } from '../../src/fleet/fleet.js';
import type { ApiAnswer, ApiCaller } from './haishin.js';
import { until } from './until.js';

/** Bodies of answers are untyped; their shape is what tests assert. */
export type Json = ApiAnswer['body'];

/** A token by which simulated products enrol. */
export async function gatewayToken(
  api: ApiCaller,
  options: { group?: string; autoApprove?: boolean } = {},
): Promise<string> {
  const { status, body } = await api.post('/api/v1/enrolment-tokens', { name: 'fleet', kind: 'gateway', ...options });
  if (status !== 201) throw new Error(`no gateway token: ${JSON.stringify(body)}`);
  return body.token as string;
}

/** Simulated products; ready when the server knows all of them. */
export async function fleetOf(
  api: ApiCaller,
  options: Partial<FleetOptions> & { agents: number; token?: string },
): Promise<Fleet> {
  const { token, ...rest } = options;
  const fleet = startFleet({
    baseUrl: api.baseUrl,
    gatewayToken: token ?? (await gatewayToken(api)),
    ...rest,
    behaviour: { workMilliseconds: 5, downloads: false, ...options.behaviour },
  });
  await fleet.enrolled();
  return fleet;
}

/** A component of our own with one release; versions are whole numbers. */
export async function newComponent(
  api: ApiCaller,
  id: string,
  kind: 'pattern' | 'engine' = 'pattern',
): Promise<string> {
  await api.post('/api/v1/components', { id, names: { ja: id, en: id }, kind });
  return newRelease(api, id, '1');
}

export async function newRelease(api: ApiCaller, id: string, version: string): Promise<string> {
  const form = new FormData();
  form.set('version', version);
  form.set('file', new Blob([`content of ${id} ${version}`]), `${id}-${version}.bin`);
  const { status, body } = await api.call('POST', `/api/v1/components/${id}/releases`, form);
  if (status !== 201) throw new Error(`the upload was refused: ${JSON.stringify(body)}`);
  return body.id as string;
}

/** Orders a deployment that must be accepted. */
export async function deploy(
  api: ApiCaller,
  order: object,
): Promise<{ id: string; commandId: string; commandIds: string[] }> {
  const { status, body } = await api.post('/api/v1/deployments', order);
  if (status !== 202) throw new Error(`the deployment was refused: ${JSON.stringify(body)}`);
  return body;
}

export async function deployment(api: ApiCaller, id: string): Promise<ApiAnswer['body']> {
  return (await api.get(`/api/v1/deployments/${id}`)).body;
}

/** Waits until a deployment is in one of these states. */
export async function reached(api: ApiCaller, id: string, ...states: string[]): Promise<ApiAnswer['body']> {
  let view: ApiAnswer['body'];
  await until(
    `the deployment is ${states.join(' or ')}`,
    async () => states.includes((view = await deployment(api, id)).state as string),
    45_000,
  );
  return view;
}

/** controllerId → state and reason of a command's targets. */
export async function targets(api: ApiCaller, commandId: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  let cursor = '';
  do {
    const { body } = await api.get(`/api/v1/commands/${commandId}/targets?limit=500${cursor}`);
    for (const { controllerId, state, reason } of body.items)
      found[controllerId] = [state, state === 'skipped' ? reason : null].filter(Boolean).join(' ');
    cursor = body.next === null ? '' : `&cursor=${body.next}`;
  } while (cursor !== '');
  return found;
}
