import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { startSampleUpstream, type SampleUpstream } from '../../src/sample-upstream/sample-server.js';
import { startHaishin, type TestHaishin } from './haishin.js';

export interface Mirror {
  upstream: SampleUpstream;
  haishin: TestHaishin;
  dispose(): Promise<void>;
}

/** A complete server and the small sample upstream that it mirrors; nothing is downloaded yet. */
export async function startMirror(): Promise<Mirror> {
  const upstream = await startSampleUpstream({ tree: new SampleTree({ scale: 0.001 }) });
  const haishin = await startHaishin({ upstreamUrl: upstream.url });
  return {
    upstream,
    haishin,
    dispose: async () => {
      await haishin.dispose();
      await upstream.close();
    },
  };
}
