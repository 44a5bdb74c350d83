import { compareVersions } from '../mirror/manifest/version.js';
import { CATALOGUE, SAMPLE_MAPPING, withMapping } from '../mirror/manifest/catalogue.js';
import type { UpdateSourceSetting } from '../mirror/settings/mirror.settings.js';
import type { ComponentView } from '../modules/download/component.view.js';
import { AppError } from '../platform/errors/app-error.js';
import type { SampleUpstream } from '../sample-upstream/sample-server.js';
import type { ApiClient } from './api-client.js';

const UPDATE_SOURCE = '/api/v1/settings/update-source';
const JSON_BODY = { 'content-type': 'application/json' };
/** So often a kept server may have been given a new version of a component; after more the sample begins anew. */
const MOST_VERSIONS = 500;

/**
 * Makes a server mirror this sample upstream, kept data included: there the address is the one of an earlier sample, and what it
 * published is passed over.
 * @returns whether something was mirrored before.
 * @throws AppError `not-sample-data` when it mirrors something else: nothing was changed then.
 */
export async function useSample(api: ApiClient, upstream: SampleUpstream): Promise<boolean> {
  const setting = await api.get<UpdateSourceSetting>(UPDATE_SOURCE);
  const foreign = [...setting.sources, ...setting.japanSources].find(({ url }) => !isSample(url));
  if (foreign !== undefined) throw new AppError('conflict', 'not-sample-data.source', { values: { url: foreign.url } });
  const own = { ...setting, sources: [{ url: upstream.url }], japanSources: [] };
  await api.call('PUT', UPDATE_SOURCE, JSON.stringify(own), JSON_BODY);
  for (const { id, entries } of withMapping(CATALOGUE, SAMPLE_MAPPING))
    if (SAMPLE_MAPPING[id] !== undefined)
      await api.call('PATCH', `/api/v1/components/${id}`, JSON.stringify({ entries }), JSON_BODY);
  return passOver(api, upstream);
}

/** Content of another database: the sample would take its place, and nobody could put it back. */
export function foreignContent(dataDir: string): AppError {
  return new AppError('conflict', 'not-sample-data.content', { details: { path: dataDir } });
}

/** @throws AppError `not-sample-data` when the database knows nothing of what is published. */
export async function refuseForeignContent(api: ApiClient, dataDir: string): Promise<void> {
  const { items } = await api.get<{ items: unknown[] }>('/api/v1/snapshots?limit=1');
  if (items.length === 0) throw foreignContent(dataDir);
}

/** The sample begins at the same versions each time; products want newer ones. */
async function passOver(api: ApiClient, upstream: SampleUpstream): Promise<boolean> {
  let before = false;
  for (const { id, channels } of await api.list<ComponentView>('/api/v1/components')) {
    const held = channels['global']?.rawVersion;
    const numbering = CATALOGUE.find((entry) => entry.id === id)?.numbering;
    if (held === undefined || numbering === undefined) continue;
    before = true;
    for (let n = 0; n < MOST_VERSIONS; n++) {
      const offered = upstream.tree.versions()[id];
      if (offered === undefined || compareVersions(offered, held, numbering) >= 0) break;
      upstream.tree.publish([id]);
    }
  }
  return before;
}

function isSample(url: string): boolean {
  const { protocol, hostname, pathname } = URL.canParse(url) ? new URL(url) : {};
  return protocol === 'http:' && hostname === '127.0.0.1' && pathname === '/activeupdate';
}
