import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import { MissingRequests } from '../../src/mirror/source/missing-requests.js';
import { PublishedTree } from '../../src/mirror/source/published-tree.js';
import { ServingCounters } from '../../src/mirror/source/serving-counters.js';
import { createLogger } from '../../src/platform/logging/logger.js';
import { startContent, type ContentServer } from '../../src/server/content.js';
import { Authority } from '../support/authority.js';
import { PublishedFixture } from '../support/published-tree.js';

describe('the authorities of client certificates', () => {
  let fixture: PublishedFixture;
  let clientCaFile: string;
  let tree: PublishedTree;

  beforeEach(async () => {
    fixture = await PublishedFixture.create();
    clientCaFile = join(fixture.dataDir, 'ca.pem');
  });

  afterEach(async () => {
    tree.stop();
    await fixture.remove();
  });

  const start = (workers: number): Promise<ContentServer> => {
    const logger = createLogger('silent');
    const { dataDir } = fixture;
    tree = new PublishedTree(dataDir, logger);
    return startContent({
      config: loadConfig({ dataDir, host: '127.0.0.1', httpPort: 'off', httpsPort: 0, workers, clientCaFile }, {}),
      logger,
      tree,
      missing: new MissingRequests(),
      counters: new ServingCounters(),
      rest: (_req, res) => void res.end(),
      onCertificate: () => undefined,
      onCertificateRefused: () => undefined,
    });
  };

  it.each([0, 2])('are refused when there is none in the file: nobody would be known (%i workers)', async (workers) => {
    await expect(start(workers)).rejects.toMatchObject({
      code: 'tls-file-unreadable',
      details: { path: clientCaFile },
    });
    for (const text of ['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
      await writeFile(clientCaFile, text);
      await expect(start(workers)).rejects.toMatchObject({
        kind: 'bad-input',
        code: 'tls-certificate-invalid',
        message: `${clientCaFile} holds no PEM certificate.`,
      });
    }
  });

  it('are taken with words around them', async () => {
    await writeFile(clientCaFile, `Our own authority\n${(await Authority.make()).pem}\n`);
    const server = await start(0);
    expect(server.httpsUrl).toMatch(/^https:/);
    await server.close(0);
  });
});
