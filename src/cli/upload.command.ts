import type { Command } from 'commander';
import type { UploadView } from '../modules/download/upload.controller.js';
import { ApiClient } from './api-client.js';
import { type ConnectOptions, takeConnectOptions } from './connect-options.js';
import { formBody, type FormBody } from './form-body.js';
import { say } from './language.js';
import { withBar } from './progress-bar.js';

interface UploadOptions extends ConnectOptions {
  version?: string;
  signature?: string;
  force?: boolean;
}

export function registerUpload(program: Command): void {
  const command = program
    .command('upload')
    .description(say('help.upload'))
    .argument('<component>', say('help.upload.component'))
    .argument('<file>', say('help.upload.file'))
    .option('--version <version>', say('help.upload.version'))
    .option('--signature <file>', say('help.upload.signature'))
    .option('--force', say('help.upload.force'));
  takeConnectOptions(command).action(async (component: string, file: string, options: UploadOptions) => {
    const body = await formBody(options.version === undefined ? {} : { version: options.version }, [
      { name: 'file', path: file },
      ...(options.signature === undefined ? [] : [{ name: 'signature', path: options.signature }]),
    ]);
    const api = await ApiClient.connect(options);
    const path = `/api/v1/components/${encodeURIComponent(component)}/releases${options.force ? '?publish=force' : ''}`;
    const view = await send(api, path, body, options.json ?? false);
    process.stdout.write(options.json ? `${JSON.stringify(view, null, 2)}\n` : describe(view));
  });
}

function send(api: ApiClient, path: string, body: FormBody, quiet: boolean): Promise<UploadView> {
  const headers = { 'content-type': body.contentType, 'content-length': String(body.length) };
  return withBar(say('cli.upload.uploading'), !quiet, (onProgress) =>
    api.call<UploadView>(
      'POST',
      path,
      body.stream((sent) => onProgress(sent, body.length)),
      headers,
    ),
  );
}

function describe(view: UploadView): string {
  return [
    `${view.component} ${view.version}: ${outcomeOf(view)}`,
    say('cli.upload.release', { release: view.id }),
    ...view.warnings.map((code) => say('cli.upload.note', { note: noteOf(code) })),
    '',
  ].join('\n');
}

function outcomeOf({ published, snapshotId }: UploadView): string {
  if (!published) return say('cli.upload.recorded');
  return snapshotId === null ? say('cli.upload.unchanged') : say('cli.upload.published', { snapshot: snapshotId });
}

function noteOf(code: string): string {
  return code === 'signature-missing' ? say('cli.upload.signature-missing') : code;
}
