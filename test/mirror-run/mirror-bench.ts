import { SampleTree, type SampleTreeOptions } from '../../src/sample-upstream/sample-tree.js';
import type { TransferLimits } from '../../src/mirror/upstream/transfer-limits.js';
import { FaultyUpstream } from '../support/faulty-upstream.js';
import { startHaishin, type ApiAnswer, type HaishinOptions, type TestHaishin } from '../support/haishin.js';
import {
  checkConsistency,
  compareManifests,
  fetchAsProduct,
  type FetchedFile,
  type ReferenceFetch,
} from '../support/reference-client.js';

/** Tries again at once, and not often; as patient as in the field, so that a busy machine is not taken for a slow source. */
const PROMPT: Partial<TransferLimits> = { tries: 2, backoffMs: 5 };

/** Patience counted in tenths of a second: the same rules, sooner. For tests of sources that are silent or slow. */
export const IMPATIENT: Partial<TransferLimits> = {
  ...PROMPT,
  connectMs: 1000,
  headersMs: 800,
  idleMs: 800,
  slowWindowMs: 800,
  noProgressMs: 2000,
};

export interface BenchOptions extends HaishinOptions {
  tree?: SampleTree;
  treeOptions?: SampleTreeOptions;
}

/** A sample upstream that can be told to misbehave, and a server that mirrors it. */
export class MirrorBench {
  private constructor(
    readonly upstream: FaultyUpstream,
    public haishin: TestHaishin,
    private readonly options: BenchOptions,
  ) {}

  static async open(options: BenchOptions = {}): Promise<MirrorBench> {
    const tree = options.tree ?? new SampleTree({ scale: 0.0005, ...options.treeOptions });
    const upstream = await FaultyUpstream.start({ tree });
    const settled = { upstreamUrl: upstream.url, ...options, limits: { ...PROMPT, ...options.limits } };
    return new MirrorBench(upstream, await startHaishin(settled), settled);
  }

  get api(): TestHaishin['api'] {
    return this.haishin.api;
  }

  get tree(): SampleTree {
    return this.upstream.tree;
  }

  /** Another start on the same data and database. */
  async restart(options: Partial<BenchOptions> = {}): Promise<void> {
    const { dataDir, database } = this.haishin;
    await this.haishin.stop();
    this.haishin = await startHaishin({ ...this.options, ...options, dataDir, database });
  }

  /** All that both channels serve, as a product sees it; fails when it is not complete and consistent. */
  async served(): Promise<{ global: ServedTree; japan: ServedTree }> {
    return {
      global: await servedTree(`${this.haishin.http}/activeupdate`),
      japan: await servedTree(`${this.haishin.http}/activeupdate/japan`),
    };
  }

  /** The global channel equals the upstream file by file. */
  async expectCurrent(): Promise<void> {
    const { global } = await this.served();
    const theirs = await fetchAsProduct(this.upstream.url);
    expect(compareManifests(theirs.manifest, Buffer.from(global.manifest, 'latin1'))).toEqual([]);
    expect(global.files).toEqual(filesOf(theirs));
  }

  /** A settings change by `change`, as a person would make it: GET, edit, PUT. */
  async setting(name: string, change: Record<string, unknown>): Promise<ApiAnswer['body']> {
    const path = `/api/v1/settings/${name}`;
    const put = await this.api.put(path, { ...(await this.api.get(path)).body, ...change });
    expect(put).toMatchObject({ status: 200 });
    return put.body;
  }

  async close(): Promise<void> {
    await this.haishin.dispose();
    await this.upstream.close();
  }
}

/** A tree in a form that compares well: the manifest as text, and each file with its content's hash and its signature's. */
export interface ServedTree {
  manifest: string;
  files: Record<string, FetchedFile>;
}

function filesOf(tree: ReferenceFetch): Record<string, FetchedFile> {
  return Object.fromEntries([...tree.files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a base URL serves; fails when a product would complain about it. */
export async function servedTree(baseUrl: string): Promise<ServedTree> {
  const tree = await fetchAsProduct(baseUrl);
  expect([...tree.problems, ...checkConsistency(tree.manifest, tree.files)]).toEqual([]);
  return { manifest: tree.manifest.toString('latin1'), files: filesOf(tree) };
}

/** Those files of a tree whose path matches. */
export function filesLike(tree: ServedTree, pattern: RegExp): Record<string, FetchedFile> {
  return Object.fromEntries(Object.entries(tree.files).filter(([path]) => pattern.test(path)));
}

/** The outcome of one component in a download. */
export function outcomeOf(download: ApiAnswer['body'], id: string): ApiAnswer['body'] {
  return (download.components as ApiAnswer['body'][]).find((each) => each.id === id);
}
