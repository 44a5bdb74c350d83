import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { UploadView } from '../modules/download/upload.controller.js';
import { ApiClient } from './api-client.js';
import type { ConnectOptions } from './download.command.js';
import { formBody, type FormBody } from './form-body.js';

interface UploadOptions extends ConnectOptions {
  version?: string;
  signature?: string;
  force?: boolean;
}

export function registerUpload(program: Command): void {
  program
    .command('upload')
    .description('upload a release: a pattern or engine package from vendor media, or any file of an own component')
    .argument('<component>', 'id of the component')
    .argument('<file>')
    .option('--version <version>', 'its version, such as 17.241.00 (default: read from the name of the file)')
    .option('--signature <file>', 'signature file to be served beside it')
    .option('--force', 'publish it even when it is not newer than what is in force')
    .option('--url <url>', 'the server (default: the one on this data directory)')
    .option('--token <token>', 'API token (default: HAISHIN_TOKEN)')
    .option('--json', 'print the release as JSON')
    .action(async (component: string, file: string, options: UploadOptions) => {
      const body = await formBody(options.version === undefined ? {} : { version: options.version }, [
        { name: 'file', path: file },
        ...(options.signature === undefined ? [] : [{ name: 'signature', path: options.signature }]),
      ]);
      const api = await ApiClient.connect(options);
      const path = `/api/v1/components/${encodeURIComponent(component)}/releases${options.force ? '?publish=force' : ''}`;
      const view = await send(api, path, body, process.stderr.isTTY && !options.json);
      process.stdout.write(options.json ? `${JSON.stringify(view, null, 2)}\n` : describe(view));
    });
}

async function send(api: ApiClient, path: string, body: FormBody, terminal: boolean): Promise<UploadView> {
  const bar = new SingleBar({
    format: 'uploading [{bar}] {done}/{all} MB',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  if (terminal) bar.start(body.length, 0, { done: '0.0', all: megabytes(body.length) });
  const headers = { 'content-type': body.contentType, 'content-length': String(body.length) };
  try {
    return await api.call<UploadView>(
      'POST',
      path,
      body.stream((sent) => terminal && bar.update(sent, { done: megabytes(sent) })),
      headers,
    );
  } finally {
    bar.stop();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

function describe(view: UploadView): string {
  const state = view.published
    ? view.snapshotId === null
      ? 'published already, with this very content; nothing changed'
      : `published with snapshot ${view.snapshotId}`
    : 'recorded; something at least as new stays in force (publish it all the same with --force)';
  const notes = view.warnings.map((code) => WARNINGS[code] ?? code);
  return [
    `${view.component} ${view.version}: ${state}`,
    `release ${view.id}`,
    ...notes.map((note) => `note: ${note}`),
    '',
  ].join('\n');
}

const WARNINGS: Record<string, string> = {
  'signature-missing':
    'the release before has a signature and this one does not: products in secure mode will refuse it (--signature)',
};
