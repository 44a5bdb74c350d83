import { setTimeout as delay } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { DownloadView } from '../modules/download/download.view.js';
import { ApiClient } from './api-client.js';

const POLL_MS = 300;
const OPEN = new Set(['queued', 'running']);

export interface ConnectOptions {
  url?: string;
  token?: string;
  json?: boolean;
}

/** Follows a download to its end: a bar on a terminal, plain lines elsewhere. */
export async function followDownload(api: ApiClient, id: string, quiet: boolean): Promise<DownloadView> {
  const terminal = process.stderr.isTTY && !quiet;
  const bar = new SingleBar({
    format: '{phase} [{bar}] {done}/{all} MB  {files} files',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  if (terminal) bar.start(1, 0, { phase: 'starting', done: '0.0', all: '?', files: 0 });
  let phase = '';
  for (;;) {
    const view = await api.get<DownloadView>(`/api/v1/downloads/${id}`);
    const { progress } = view;
    if (terminal) {
      bar.setTotal(Math.max(1, progress.bytesTotal));
      const values = {
        phase: progress.phase ?? view.state,
        done: megabytes(progress.bytesDone),
        all: megabytes(progress.bytesTotal),
      };
      bar.update(Math.min(progress.bytesDone, Math.max(1, progress.bytesTotal)), {
        ...values,
        files: progress.filesDone,
      });
    } else if (!quiet && progress.phase !== null && progress.phase !== phase) {
      phase = progress.phase;
      process.stderr.write(`${phase}: ${progress.filesTotal} files, ${megabytes(progress.bytesTotal)} MB\n`);
    }
    if (!OPEN.has(view.state)) {
      if (terminal) bar.stop();
      return view;
    }
    await delay(POLL_MS);
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

export function registerDownload(program: Command): void {
  program
    .command('download')
    .description('bring components up to date from the source: all, or those named')
    .argument('[component...]', 'ids of components')
    .option('--url <url>', 'the server (default: the one on this data directory)')
    .option('--token <token>', 'API token (default: HAISHIN_TOKEN)')
    .option('--json', 'print the record of the download as JSON')
    .action(async (components: string[], options: ConnectOptions) => {
      const api = await ApiClient.connect(options);
      const { id } = await api.post<{ id: string }>('/api/v1/downloads', components.length > 0 ? { components } : {});
      const cancel = (): void => void api.post(`/api/v1/downloads/${id}/cancel`).catch(() => undefined);
      process.once('SIGINT', cancel);
      const view = await followDownload(api, id, options.json ?? false);
      process.removeListener('SIGINT', cancel);
      process.stdout.write(options.json ? `${JSON.stringify(view, null, 2)}\n` : describe(view));
      if (view.state === 'failed' || view.state === 'partial' || view.state === 'cancelled') process.exitCode = 1;
    });
}

function describe(view: DownloadView): string {
  const lines = view.components
    .filter((each) => each.outcome === 'updated' || each.outcome === 'failed' || each.restored)
    .map((each) =>
      each.outcome === 'failed'
        ? `  ${each.id}: failed, ${each.error?.code ?? ''}: ${each.error?.message ?? ''}`
        : each.outcome === 'updated'
          ? `  ${each.id}: ${each.versionBefore ?? 'none'} -> ${each.versionAfter ?? 'none'}`
          : `  ${each.id}: lost content was fetched again`,
    );
  const error = view.error === null ? '' : ` (${view.error.code}: ${view.error.message})`;
  const facts = `${megabytes(view.bytes)} MB in ${view.durationSeconds ?? 0} s`;
  return [`${view.state}${error}: ${facts}`, ...lines, ''].join('\n');
}
