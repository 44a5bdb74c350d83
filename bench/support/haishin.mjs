import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, start, stop } from './processes.mjs';

const CLI = join(ROOT, 'dist', 'cli.js');
/** Seldom: each question costs the server milliseconds that belong to the download. */
const POLL_MS = 250;

/**
 * `haishin serve` from dist/ as a process of its own, on free ports. Resolves when it says that it listens; `listeningMs` is the time
 * from its start to that line. Without `databaseUrl` it brings its own PostgreSQL.
 */
export async function startHaishin({ dataDir, upstreamUrl, databaseUrl }) {
  const { DATABASE_URL: _inherited, ...surroundings } = process.env;
  const env = {
    ...surroundings,
    HAISHIN_DATA_DIR: dataDir,
    HAISHIN_HOST: '127.0.0.1',
    HAISHIN_HTTP_PORT: '0',
    HAISHIN_HTTPS_PORT: '0',
    HAISHIN_LOG_LEVEL: 'error',
    HAISHIN_UPSTREAM_URL: upstreamUrl ?? 'http://127.0.0.1:9/activeupdate',
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  };
  const begin = performance.now();
  // The fingerprint of the certificate on standard error would stand between the figures.
  const child = start(process.execPath, [CLI, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  await listening(child);
  const listeningMs = performance.now() - begin;
  const { http, token } = JSON.parse(readFileSync(join(dataDir, 'run', 'server.json'), 'utf8'));
  const api = (method, path, body) => call(`${http}/api/v1${path}`, token, method, body);
  return { child, listeningMs, api, url: http, stop: () => stop(child) };
}

function listening(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr.on('data', (chunk) => (output += chunk));
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('listening http=')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`The server ended with ${code} before it listened: ${output}`)));
  });
}

async function call(url, token, method, body) {
  const answer = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** No download but ours: the schedule's own would stand in the way. */
export async function stopSchedule({ api }) {
  const schedule = await api('GET', '/settings/download-schedule');
  await api('PUT', '/settings/download-schedule', { ...schedule, enabled: false });
}

/**
 * Orders a download and waits for its end. `recordedMs`: from start to finish by the server's own record; `wallMs`: from the order to
 * the recorded finish, by the clock that both share.
 * @param expected the state in which it has to end
 */
export async function download({ api }, expected) {
  const ordered = Date.now();
  const { id } = await api('POST', '/downloads', {});
  for (;;) {
    const view = await api('GET', `/downloads/${id}`);
    if (view.finishedAt !== null) {
      if (view.state !== expected) throw new Error(`The download ended ${view.state}: ${JSON.stringify(view)}`);
      const finished = Date.parse(view.finishedAt);
      return { view, wallMs: finished - ordered, recordedMs: finished - Date.parse(view.startedAt) };
    }
    await delay(POLL_MS);
  }
}
