import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureServerCertificate, keyPairFiles } from '../../dist/platform/tls/server-certificate.js';
import { SampleTree } from '../../dist/sample-upstream/sample-tree.js';
import { startNginx } from './nginx.mjs';

/** nginx serving `root`, with a certificate of its own. */
export async function startNginxFor(directory, root) {
  const place = { dir: join(directory, 'tls') };
  await ensureServerCertificate(place);
  return startNginx({ directory, root, ...keyPairFiles(place) });
}

/** A sample tree as a directory served by nginx; `files` are all but the manifest, signatures included. */
export async function startUpstream(directory, options) {
  const root = join(directory, 'tree');
  const tree = new SampleTree({ compressed: true, ...options });
  await tree.materialise(root);
  const nginx = await startNginxFor(directory, root);
  const files = [...tree.files().values()].filter(({ path }) => path !== 'server.ini');
  return {
    child: nginx.child,
    url: nginx.httpUrl,
    files: files.map(({ path, size }) => ({ path, size })),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}

/** The list that `aria2c -i` takes: every file under its own path. */
export function writeAria2List(file, { url, files }) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, files.map(({ path }) => `${url}/${path}\n  out=${path}\n`).join(''));
}
