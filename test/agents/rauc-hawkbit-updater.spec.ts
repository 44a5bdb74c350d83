import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { RaucSite } from '../support/rauc-site.js';
import { hasTool } from '../support/tools.js';
import { until } from '../support/until.js';

const TOOLS = ['rauc-hawkbit-updater', 'dbus-daemon', 'dbus-send', 'openssl', 'stdbuf'];
const withTools = TOOLS.map(hasTool).every(Boolean) && hasIntrospection() ? describe : describe.skip;

function hasIntrospection(): boolean {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'from gi.repository import Gio'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('skipped: python3-gi is not installed\n');
    return false;
  }
}

const STREAMING = { stream_bundle: 'true' };
const MODES = [
  ['downloads', {}],
  ['streams', STREAMING],
] as const;
const BUNDLE = randomBytes(512 * 1024);
const SHA256 = createHash('sha256').update(BUNDLE).digest('hex');

/** The scenarios of rauc-hawkbit-updater's own tests against hawkBit, with the client unchanged. */
withTools('rauc-hawkbit-updater', () => {
  let rauc: RaucSite;

  beforeAll(async () => {
    rauc = await RaucSite.start(BUNDLE);
  });
  afterEach(() => rauc.disposeProducts());
  afterAll(() => rauc.dispose());

  describe('register and identify', () => {
    it('is told apart from strangers', async () => {
      const { id } = await rauc.register();
      for (const kind of ['auth_token', 'gateway_token']) {
        const { code, log } = await rauc.product({ target_name: id, [kind]: 'wrong-token' }).once();
        expect(log).toContain(`Failed to authenticate. Check if ${kind} is correct?`);
        expect(code).toBe(1);
      }
    });

    it('says what it is, once', async () => {
      const { id, token } = await rauc.register();
      const made = rauc.product({ target_name: id, auth_token: `${token} ` });
      const first = await made.once();
      expect(first).toMatchObject({ code: 0, log: expect.stringContaining('Providing meta information') });
      expect((await rauc.site.api.get(`/api/v1/agents/${id}`)).body.attributes).toEqual({
        product: 'Terminator',
        model: 'T-1000',
      });
      expect((await made.once()).log).not.toContain('Providing meta information');
    });

    it('comes into being by the token of its gateway', async () => {
      const { body } = await rauc.site.api.post('/api/v1/enrolment-tokens', { name: 'line 1', kind: 'gateway' });
      const made = rauc.product({ target_name: 'by-gateway', gateway_token: body.token as string });
      expect((await made.once()).code).toBe(0);
      expect((await made.once()).code).toBe(0);
      const { body: agent } = await rauc.site.api.get('/api/v1/agents/by-gateway');
      expect(agent).toMatchObject({ origin: 'enrolled', productType: 'Terminator' });
    });
  });

  describe.each(['http', 'https'] as const)('over %s', (scheme) => {
    it.each(MODES)('%s and installs', async (_mode, options) => {
      const { id, product: made } = await rauc.board({ ...rauc.server(scheme), ...options });
      const commandId = await rauc.deploy(id);
      const { code, log } = await made.once();
      expect(log).toContain('Software bundle installed successfully.');
      expect(log).not.toContain('WARNING');
      expect(code).toBe(0);
      expect(made.installations).toMatchObject([{ sha256: SHA256 }]);
      const target = await rauc.site.target(commandId, id);
      expect(target).toMatchObject({ state: 'succeeded', versionAfter: '1.0' });
      expect(JSON.stringify(target.messages)).toContain('Updating slots done.');
      expect((await made.once()).log).toContain('No new software.');
    });
  });

  describe('installs', () => {
    it.each(MODES)('%s, and fails as its RAUC says', async (_mode, options) => {
      const { id, product: made } = await rauc.board(options, 1);
      const commandId = await rauc.deploy(id);
      const { code, log } = await made.once();
      expect(log).toContain('WARNING: Failed to install software bundle.');
      expect(code).toBe(1);
      const target = await rauc.site.target(commandId, id);
      expect(target).toMatchObject({ state: 'failed', reason: 'installation' });
      expect(JSON.stringify(target.messages)).toContain('Failed to install software bundle.');
    });

    it.each(MODES)('%s, and fails without a RAUC', async (_mode, options) => {
      const { id, product: made } = await rauc.board(options, null);
      const commandId = await rauc.deploy(id);
      expect((await made.once()).code).toBe(1);
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'failed' });
    });

    it('takes another try as a new order', async () => {
      const { id, product: made } = await rauc.board({ bundle_download_location: '/no/such/place/bundle' });
      const commandId = await rauc.deploy(id, { tries: 2, retryMinutes: 0 });
      expect((await made.once()).log).toContain('Failed to calculate free space for /no/such/place/bundle');
      await rauc.site.pass(0);
      const second = await made.once({ bundle_download_location: made.bundle });
      expect(second.log).toContain('Software bundle installed successfully.');
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'succeeded' });
    });

    it('refuses what it cannot: several components at once', async () => {
      const { id, product: made } = await rauc.board();
      const other = await rauc.site.release('other', '1.0');
      const commandId = await rauc.site.deploy([rauc.release, other], [id], { tries: 1 });
      const { code, log } = await made.once();
      expect(log).toMatch(/Deployment \d+ unsupported: cannot handle multiple chunks\./);
      expect(code).toBe(1);
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'failed' });
    });
  });

  describe('downloads', () => {
    it('gives up when it is too slow', async () => {
      const line = await rauc.narrow({ bytesPerSecond: 50, freeBytes: 16_384 });
      const { id, product: made } = await rauc.board({ ...line, low_speed_time: '3', low_speed_rate: '100' });
      const commandId = await rauc.deploy(id);
      const { code, log } = await made.once();
      expect(log).toContain('WARNING: Download failed: Timeout was reached');
      expect(code).toBe(1);
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'failed', reason: 'download' });
    });

    it('goes on where it was too slow', async () => {
      const line = await rauc.narrow({ bytesPerSecond: 80_000, freeBytes: 16_384 });
      const slow = { resume_downloads: 'true', low_speed_time: '1', low_speed_rate: '200000' };
      const { id, product: made } = await rauc.board({ ...line, ...slow });
      const commandId = await rauc.deploy(id);
      const { log } = await made.once();
      expect(log).toContain('Timeout was reached, resuming download..');
      expect(log).toContain('File checksum OK.');
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'succeeded' });
    });

    it('fails when the line breaks and it must not go on', async () => {
      const { id, product: made } = await rauc.board(await rauc.narrow({ breaksAfterBytes: 200_000 }));
      const commandId = await rauc.deploy(id);
      const { log } = await made.once();
      expect(log).toContain('WARNING: Download failed: Transferred a partial file');
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'failed', reason: 'download' });
    });

    it('goes on where the line broke', async () => {
      const line = await rauc.narrow({ breaksAfterBytes: 200_000 });
      const { id, product: made } = await rauc.board({ ...line, resume_downloads: 'true' });
      const commandId = await rauc.deploy(id);
      const { log } = await made.once();
      expect(log).toMatch(/Resuming download from offset [1-9]/);
      expect(log).toContain('File checksum OK.');
      expect(made.installations).toMatchObject([{ sha256: SHA256 }]);
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'succeeded' });
    });

    it('only downloads, and that was all', async () => {
      const { id, product: made } = await rauc.board();
      const commandId = await rauc.deploy(id, { parameters: { mode: { download: 'forced', update: 'skip' } } });
      const { code, log } = await made.once();
      expect(log).toContain('hawkBit requested to skip installation, not invoking RAUC yet.');
      expect(log).toContain('File checksum OK.');
      expect(log).not.toContain('WARNING');
      expect(code).toBe(0);
      expect(made.installations).toEqual([]);
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'succeeded', versionAfter: null });
      expect((await made.once()).log).toContain('No new software.');
    });

    it('gets no file without saying who it is', async () => {
      const { id, product: made } = await rauc.board({ send_download_authentication: 'false' });
      const commandId = await rauc.deploy(id);
      expect((await made.once()).log).toContain('Download failed: HTTP request failed: 401');
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'failed', reason: 'download' });
    });
  });

  describe('cancel', () => {
    it.each(MODES)('before it has heard of the order: it never does (%s)', async (_mode, options) => {
      const { id, product: made } = await rauc.board(options);
      const commandId = await rauc.deploy(id);
      await rauc.cancel(commandId);
      expect(await made.once()).toMatchObject({ code: 0, log: expect.stringContaining('No new software.') });
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'cancelled' });
      expect(made.installations).toEqual([]);
    });

    it('of an order that it has forgotten', async () => {
      const { id, product: made } = await rauc.board(await rauc.narrow({ bytesPerSecond: 20_000, freeBytes: 16_384 }));
      const commandId = await rauc.deploy(id);
      const child = made.serve();
      await made.says('Start downloading');
      await made.stop(child);
      await rauc.cancel(commandId);
      const { code, log } = await made.once();
      expect(log).toMatch(/Received cancelation for unprocessed action \d+, acknowledging\./);
      expect(code).toBe(0);
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'cancelled', reason: 'cancel-accepted' });
    });

    it('while it downloads', async () => {
      const { id, product: made } = await rauc.board(await rauc.narrow({ bytesPerSecond: 60_000, freeBytes: 16_384 }));
      const commandId = await rauc.deploy(id);
      made.serve();
      await made.says('Start downloading');
      await rauc.cancel(commandId);
      await made.says('Action canceled.', 30_000);
      await until('cancelled', async () => (await rauc.site.target(commandId, id)).state === 'cancelled');
      expect(made.installations).toEqual([]);
    }, 60_000);

    it.each(MODES)('while it installs: too late (%s)', async (_mode, options) => {
      const { id, product: made } = await rauc.board(options, 0, 3);
      const commandId = await rauc.deploy(id);
      made.serve();
      await made.says('MESSAGE: Installing: ');
      await rauc.cancel(commandId);
      expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'cancelling' });
      await made.says('Software bundle installed successfully.');
      await until('done', async () => (await rauc.site.target(commandId, id)).state === 'succeeded');
      expect(await rauc.site.target(commandId, id)).toMatchObject({
        reason: 'cancelled-too-late',
        versionAfter: '1.0',
      });
    });

    it('while it installs, and it hears of that: refused, and it goes on', async () => {
      // It asks every 5 s when it last saw itself fetching.
      const { id, product: made } = await rauc.board({}, 0, 8);
      const commandId = await rauc.deploy(id);
      made.serve();
      await made.says('MESSAGE: Installing: ');
      await rauc.cancel(commandId);
      await made.says('Cancelation impossible, installation started already.');
      const refused = await rauc.site.target(commandId, id);
      expect(refused).toMatchObject({ state: 'installing', reason: 'cancel-refused' });
      await until('done', async () => (await rauc.site.target(commandId, id)).state === 'succeeded');
    });
  });

  it('installs in the maintenance window what it fetched before', async () => {
    const opens = Date.now() + 12_000;
    const from = new Date(opens).toISOString();
    const window = { kind: 'once' as const, from, to: new Date(opens + 120_000).toISOString() };
    await Promise.all(
      MODES.map(async ([mode, options]) => {
        const { id, product: made } = await rauc.board(options);
        const commandId = await rauc.deploy(id, { parameters: { window } });
        made.serve();
        await made.says("not invoking RAUC yet (maintenance window is 'unavailable')");
        if (mode === 'downloads') await made.says('File checksum OK.');
        expect(made.installations).toEqual([]);
        await made.says(/Continuing scheduled deployment .* \(maintenance window is 'available'\)/, 60_000);
        if (mode === 'downloads') await made.says(`Resuming download from offset ${BUNDLE.length}`);
        await made.says('Software bundle installed successfully.');
        await until('succeeded', async () => (await rauc.site.target(commandId, id)).state === 'succeeded');
        expect(made.installations).toMatchObject([{ sha256: SHA256 }]);
      }),
    );
  }, 90_000);

  it.each(MODES)('%s and installs with a client certificate', async (mode, options) => {
    const { id } = await rauc.register();
    rauc.certificate(id);
    const secure = {
      ...rauc.server('https'),
      ssl_key: join(rauc.directory, `${id}.key`),
      ssl_cert: join(rauc.directory, `${id}.pem`),
    };
    const made = await rauc.product({ target_name: id, ...secure, ...options }).start();
    const commandId = await rauc.deploy(id);
    const { code, log } = await made.once();
    expect(log).toContain('Software bundle installed successfully.');
    expect(code).toBe(0);
    expect(made.installations).toMatchObject([
      { sha256: SHA256, args: mode === 'streams' ? ['tls-cert', 'tls-key', 'tls-no-verify'] : [] },
    ]);
    expect(await rauc.site.target(commandId, id)).toMatchObject({ state: 'succeeded' });
    const stranger = await rauc.product({ target_name: 'board-1', ...secure }).once();
    expect(stranger.log).toContain('Failed to authenticate. Check if ssl_key/ssl_cert are correct?');
  });
});
