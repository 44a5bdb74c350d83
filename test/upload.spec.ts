import { createHash } from 'node:crypto';
import { UploadObservers, type StoredUpload } from '../src/modules/download/upload.observers.js';
import { SampleTree } from '../src/sample-upstream/sample-tree.js';
import { startSampleUpstream, type SampleUpstream } from '../src/sample-upstream/sample-server.js';
import type { ApiAnswer, TestHaishin } from './support/haishin.js';
import { startMirror, type Mirror } from './support/mirror.js';
import { checkConsistency, fetchAsProduct } from './support/reference-client.js';
import { newestUpload, uploadTo, type UploadParts } from './support/upload.js';
import { zipOf } from './support/zip-file.js';

const sha256 = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

describe('uploads', () => {
  let mirror: Mirror;
  let upstream: SampleUpstream;
  let haishin: TestHaishin;

  beforeAll(async () => {
    mirror = await startMirror();
    ({ upstream, haishin } = mirror);
  });
  afterAll(() => mirror.dispose());

  const upload = (
    component: string,
    parts: UploadParts,
    query?: string,
    headers?: Record<string, string>,
  ): Promise<ApiAnswer> => uploadTo(haishin, component, parts, query, headers);

  async function manifestOf(channel: 'global' | 'japan'): Promise<string> {
    const base = `${haishin.http}/activeupdate${channel === 'japan' ? '/japan' : ''}`;
    const tree = await fetchAsProduct(base);
    expect(tree.problems).toEqual([]);
    expect(checkConsistency(tree.manifest, tree.files)).toEqual([]);
    return tree.manifest.toString('latin1');
  }

  it('the first release of an empty server is an upload', async () => {
    const content = await zipOf(1000);
    const answer = await upload('virus-pattern', {
      file: { name: 'vsapi239.zip', content },
      version: '17.239.00',
      signature: 'signed',
    });
    expect(answer).toMatchObject({
      status: 201,
      body: {
        component: 'virus-pattern',
        version: '17.239.00',
        rawVersion: '1723900',
        variant: '00',
        origin: 'uploaded',
        source: 'vsapi239.zip',
        uploadedBy: 'bootstrap',
        published: true,
        warnings: [],
        files: [
          {
            path: 'pattern/vsapi239.zip',
            role: 'full',
            size: content.length,
            sha256: sha256(content),
            signature: { path: 'pattern/vsapi239.sig', size: 6, sha256: sha256('signed') },
          },
        ],
      },
    });
    expect((await haishin.api.get(`/api/v1/releases/${answer.body.id}`)).body).toMatchObject({ rawVersion: '1723900' });
    expect((await haishin.api.get('/api/v1/audit?limit=1')).body.items[0]).toMatchObject({
      action: 'release.upload',
      object: answer.body.id,
      requestId: answer.headers.get('x-request-id'),
    });
    expect(await manifestOf('global')).toContain(`P.4=pattern/vsapi239.zip, 1723900, ${content.length}`);
    expect(await manifestOf('japan')).toContain(`P.4=pattern/vsapi239.zip, 1723980, ${content.length}`);
    const japan = await haishin.api.component('virus-pattern');
    expect(japan.current).toMatchObject({ origin: 'derived', derivedFrom: answer.body.id, variant: '80' });
  });

  it('the source overtakes it, once it has something newer', async () => {
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await manifestOf('global')).toMatch(/^P\.4=pattern\/vsapi241\.zip, 1724100, /m);
    expect((await haishin.api.component('virus-pattern')).channels.global).toMatchObject({ origin: 'mirrored' });
  });

  it('replaces the published lines, without increments, in both channels, and the rest stays as it is', async () => {
    const before = await fetchAsProduct(`${haishin.http}/activeupdate`);
    const content = await zipOf(2222);
    const answer = await upload('virus-pattern', {
      file: { name: 'vsapi301.zip', content },
      version: '1730100',
      signature: 'new',
    });
    expect(answer).toMatchObject({ status: 201, body: { published: true, version: '17.301.00' } });
    const global = await manifestOf('global');
    expect(global).toContain(`P.4=pattern/vsapi301.zip, 1730100, ${content.length}`);
    expect(global).toContain(`Path_VSAPI=pattern/vsapi301.zip, ${content.length}`);
    expect(global).toMatch(/^Version=301\r$/m);
    expect(global).toMatch(/^P\.4\.MergeCount=0\r$/m);
    expect(global).toMatch(/^MergeCount=0\r$/m);
    expect(global).not.toMatch(/Merge(Path_VSAPI)?\.1=.*v_/);
    expect(await manifestOf('japan')).toContain('P.4=pattern/vsapi301.zip, 1730180, ');
    const after = await fetchAsProduct(`${haishin.http}/activeupdate`);
    for (const [path, file] of before.files)
      if (!/vsapi|\/v_/.test(path)) expect({ path, ...after.files.get(path) }).toEqual({ path, ...file });
    expect(after.files.get('pattern/vsapi301.zip')).toMatchObject({ sig: { sha256: sha256('new') } });
    expect(await newestUpload(haishin)).toMatchObject({
      component: 'virus-pattern',
      outcome: 'updated',
      version: '17.301.00',
      versionBefore: '17.241.00',
      actor: 'bootstrap',
      text: { en: 'Upload: Virus Pattern 17.301.00 was stored and published.' },
    });
  });

  it('stays while the source has something older, also when other components move on', async () => {
    upstream.publish(['virus-pattern', 'spyware-pattern']);
    const download = await haishin.api.download();
    expect(download.state).toBe('succeeded');
    const outcome = (id: string) => (download.components as ApiAnswer['body'][]).find((each) => each.id === id);
    expect(outcome('virus-pattern')).toMatchObject({ outcome: 'held', versionAfter: '17.301.00' });
    expect(outcome('spyware-pattern')).toMatchObject({ outcome: 'updated' });
    expect(await manifestOf('global')).toContain('P.4=pattern/vsapi301.zip, 1730100');
    expect(await manifestOf('japan')).toContain('P.4=pattern/vsapi301.zip, 1730180');
  });

  it('an older one is recorded and can be deployed, but takes over only by force', async () => {
    const content = await zipOf(500, 'o');
    const parts = { file: { name: 'vsapi299.zip', content }, version: '17.299.00' };
    const recorded = await upload('virus-pattern', parts);
    expect(recorded).toMatchObject({ status: 201, body: { published: false, snapshotId: null, origin: 'uploaded' } });
    expect(await manifestOf('global')).toContain('P.4=pattern/vsapi301.zip');
    expect(await newestUpload(haishin)).toMatchObject({ outcome: 'recorded', version: '17.299.00' });
    const forced = await upload('virus-pattern', parts, '?publish=force');
    expect(forced).toMatchObject({
      status: 201,
      body: { id: recorded.body.id, published: true, warnings: ['signature-missing'] },
    });
    expect(await manifestOf('global')).toContain('P.4=pattern/vsapi299.zip, 1729900');
    expect(await manifestOf('japan')).toContain('P.4=pattern/vsapi299.zip, 1729980');
    expect(await upload('virus-pattern', parts, '?publish=perhaps')).toMatchObject({
      status: 400,
      body: { code: 'validation-failed' },
    });
  });

  it('a Japan variant goes to the japan channel only', async () => {
    const content = await zipOf(600, 'j');
    const answer = await upload('virus-pattern', {
      file: { name: 'vsapi303.zip', content },
      version: '17.303.80',
      signature: 's',
    });
    expect(answer).toMatchObject({ status: 201, body: { variant: '80', origin: 'uploaded', published: true } });
    expect(await manifestOf('japan')).toContain('P.4=pattern/vsapi303.zip, 1730380');
    expect(await manifestOf('global')).toContain('P.4=pattern/vsapi299.zip, 1729900');
  });

  it('the japan channel keeps its newer upload when the source moves global on', async () => {
    const tree = new SampleTree({ scale: 0.001, firstVersions: { 'virus-pattern': 1730100 } });
    const other = await startSampleUpstream({ tree });
    const setting = (await haishin.api.get('/api/v1/settings/update-source')).body;
    try {
      await haishin.api.put('/api/v1/settings/update-source', { ...setting, sources: [{ url: other.url }] });
      expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
      expect(await manifestOf('global')).toContain('P.4=pattern/vsapi301.zip, 1730100');
      expect(await manifestOf('japan')).toContain('P.4=pattern/vsapi303.zip, 1730380');
      for (let release = 302; release <= 305; release++) other.publish(['virus-pattern']);
      expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
      expect(await manifestOf('global')).toContain('P.4=pattern/vsapi305.zip, 1730500');
      expect(await manifestOf('japan')).toContain('P.4=pattern/vsapi305.zip, 1730580');
    } finally {
      await haishin.api.put('/api/v1/settings/update-source', setting);
      await other.close();
    }
  });

  it('an engine package tells its version; those for other platforms stay as they are', async () => {
    const before = await manifestOf('global');
    const content = await zipOf(700, 'e');
    const answer = await upload('virus-scan-engine', { file: { name: 'vsapi-22600-1005.zip', content } });
    expect(answer).toMatchObject({ status: 201, body: { rawVersion: '22.600.1005', published: true } });
    const manifest = await manifestOf('global');
    expect(manifest).toMatch(
      new RegExp(`^E\\.20000=\\S+ ?engine/\\S*vsapi-22600-1005\\.zip, ?22\\.600\\.1005, ?${content.length}`, 'm'),
    );
    const others = (text: string): string[] => text.split('\r\n').filter((line) => /^E\.(10|4)=/.test(line));
    expect(others(manifest)).toHaveLength(2);
    expect(others(manifest)).toEqual(others(before));
  });

  it('a component of the own catalogue: any file, any version, in the tree but not in the manifest', async () => {
    const created = await haishin.api.post('/api/v1/components', {
      id: 'site-rules',
      names: { ja: '規則', en: 'Site rules' },
      kind: 'pattern',
    });
    expect(created.status).toBe(201);
    const observed: StoredUpload[] = [];
    haishin.server
      .application()
      ?.get(UploadObservers)
      .add({ stored: (each) => void observed.push(each) });
    const answer = await upload('site-rules', {
      file: { name: '../../rules one.dat', content: 'rules' },
      version: '2026-11-a',
    });
    const path = 'custom/site-rules/2026-11-a/rules_one.dat';
    expect(answer).toMatchObject({ status: 201, body: { version: '2026-11-a', published: true, files: [{ path }] } });
    expect(observed).toMatchObject([
      { releaseId: answer.body.id, componentId: 'site-rules', published: true, size: 5 },
    ]);
    for (const base of ['activeupdate', 'activeupdate/japan']) {
      const served = await fetch(`${haishin.http}/${base}/${path}`);
      expect([served.status, await served.text()]).toEqual([200, 'rules']);
    }
    expect(await manifestOf('global')).not.toContain('rules');
    expect((await haishin.api.component('site-rules')).current).toMatchObject({
      version: '2026-11-a',
      releaseId: answer.body.id,
    });
    // Downloads leave it alone.
    upstream.publish(['spyware-pattern']);
    await haishin.api.download();
    expect((await fetch(`${haishin.http}/activeupdate/${path}`)).status).toBe(200);
  });

  it('ends a rollback of its component, which stays out of the schedule', async () => {
    const first = (await haishin.api.component('site-rules')).current.releaseId;
    await upload('site-rules', { file: { name: 'b.dat', content: 'b' }, version: '2026-12-a' });
    expect(await haishin.api.post('/api/v1/components/site-rules/rollback')).toMatchObject({ status: 200 });
    expect(await haishin.api.component('site-rules')).toMatchObject({
      rolledBack: true,
      current: { releaseId: first },
    });
    await upload('site-rules', { file: { name: 'c.dat', content: 'c' }, version: '2026-12-b' });
    expect(await haishin.api.component('site-rules')).toMatchObject({
      rolledBack: false,
      scheduled: false,
      current: { version: '2026-12-b' },
    });
  });

  it('an order that is sent twice is carried out once', async () => {
    const key = { 'idempotency-key': 'upload-1' };
    const parts = { file: { name: 'd.dat', content: 'd' }, version: '2027-01-a' };
    const first = await upload('site-rules', parts, '', key);
    const events = (await haishin.api.get('/api/v1/events?trigger=upload')).body.items.length;
    const second = await upload('site-rules', parts, '', key);
    expect(second.body).toEqual(first.body);
    expect((await haishin.api.get('/api/v1/events?trigger=upload')).body.items).toHaveLength(events);
    const other = await upload('site-rules', { ...parts, version: '2027-01-b' }, '', key);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
  });

  it('many at once, beside a download: each is there, and the tree is whole', async () => {
    upstream.publish();
    const download = haishin.api.download();
    const uploads = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        upload('site-rules', { file: { name: `r${n}.dat`, content: `r${n}` }, version: `2028-01-${n}` }),
      ),
    );
    expect(uploads.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(await download).toMatchObject({ state: 'succeeded' });
    expect((await haishin.api.component('site-rules')).current).toMatchObject({ version: '2028-01-4' });
    await manifestOf('global');
    await manifestOf('japan');
  });
});
