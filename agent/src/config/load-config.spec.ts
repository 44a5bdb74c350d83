import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from './load-config.js';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'haishin-agent-config-'));
  file = join(directory, 'agent.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(value: unknown): void {
  writeFileSync(file, JSON.stringify(value));
}

it('takes flags before the environment before the file', () => {
  write({ server: 'https://file', tenant: 'FILE', controllerId: 'file', stateDirectory: '/file' });
  const config = loadConfig(
    { config: file, server: 'https://flag/' },
    { HAISHIN_AGENT_SERVER: 'https://env', HAISHIN_AGENT_CONTROLLER_ID: 'env' },
  );
  expect(config).toMatchObject({
    server: 'https://flag',
    controllerId: 'env',
    tenant: 'FILE',
    stateDirectory: '/file',
  });
});

it('has the defaults of the design', () => {
  write({ server: 'https://file' });
  const config = loadConfig({ config: file }, {});
  expect(config.schedule).toMatchObject({ enabled: true, intervalSeconds: 900 });
  expect(config.polling).toMatchObject({ longPoll: true, waitSeconds: 55 });
  expect(config.tenant).toBe('DEFAULT');
  expect(config.controllerId).not.toBe('');
});

it('reports every fault together', () => {
  write({
    server: 'ftp://x',
    targetTokenFile: join(directory, 'missing'),
    tls: { certFile: 'only-one' },
    polling: { intervalSeconds: -1 },
    schedule: { enabled: 'yes' },
    updateSource: { entries: { 'virus-pattern': { entry: 'nonsense' } } },
    installWindow: { start: '25:00', end: '05:00' },
    hooks: { scanService: 7 },
  });
  expect(() => loadConfig({ config: file }, {})).toThrow(
    expect.objectContaining({
      reason: 'configuration',
      message: expect.stringMatching(/server.*intervalSeconds/) as string,
    }),
  );
  const text = (() => {
    try {
      loadConfig({ config: file }, {});
      return '';
    } catch (error) {
      return String(error);
    }
  })();
  for (const name of [
    'targetTokenFile',
    'tls.certFile',
    'polling.intervalSeconds',
    'schedule.enabled',
    'entry',
    'installWindow',
    'hooks.scanService',
  ]) {
    expect(text).toContain(name);
  }
});

it('refuses a file that is missing, not JSON, or not an object', () => {
  expect(() => loadConfig({ config: join(directory, 'none') }, {})).toThrow(/cannot read/);
  writeFileSync(file, '{');
  expect(() => loadConfig({ config: file }, {})).toThrow(/not JSON/);
  writeFileSync(file, '[]');
  expect(() => loadConfig({ config: file }, {})).toThrow(/one JSON object/);
});
