import { setTimeout as delay } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { DownloadView, OutcomeView } from '../modules/download/download.view.js';
import { ApiClient } from './api-client.js';
import { type ConnectOptions, takeConnectOptions } from './connect-options.js';
import { storedFault } from '../platform/errors/app-error.js';
import { megabytes, say, terminalLanguage, word } from './language.js';

const POLL_MS = 300;
const OPEN = new Set(['queued', 'running']);

/** Follows a download to its end: a bar on a terminal, plain lines elsewhere. */
export async function followDownload(api: ApiClient, id: string, quiet: boolean): Promise<DownloadView> {
  const terminal = process.stderr.isTTY && !quiet;
  const bar = new SingleBar({
    format: '{phase} [{bar}] {done}/{all} MB  {files} {unit}',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  if (terminal)
    bar.start(1, 0, {
      phase: say('cli.download.starting'),
      done: '0.0',
      all: '?',
      files: 0,
      unit: say('cli.download.files'),
    });
  let phase = '';
  for (;;) {
    const view = await api.get<DownloadView>(`/api/v1/downloads/${id}`);
    const { progress } = view;
    if (terminal) {
      bar.setTotal(Math.max(1, progress.bytesTotal));
      const values = {
        phase: progress.phase === null ? word('state', view.state) : word('phase', progress.phase),
        done: megabytes(progress.bytesDone),
        all: megabytes(progress.bytesTotal),
      };
      bar.update(Math.min(progress.bytesDone, Math.max(1, progress.bytesTotal)), {
        ...values,
        files: progress.filesDone,
      });
    } else if (!quiet && progress.phase !== null && progress.phase !== phase) {
      phase = progress.phase;
      const line = say('cli.download.phase', {
        phase: word('phase', phase),
        files: progress.filesTotal,
        megabytes: megabytes(progress.bytesTotal),
      });
      process.stderr.write(`${line}\n`);
    }
    if (!OPEN.has(view.state)) {
      if (terminal) bar.stop();
      return view;
    }
    await delay(POLL_MS);
  }
}

export function registerDownload(program: Command): void {
  const command = program
    .command('download')
    .description(say('help.download'))
    .argument('[component...]', say('help.download.components'));
  takeConnectOptions(command).action(async (components: string[], options: ConnectOptions) => {
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

export function describe(view: DownloadView): string {
  const lines = view.components
    .filter((each) => each.outcome === 'updated' || each.outcome === 'failed' || each.restored)
    .map((each) => `  ${componentLine(each)}`);
  const summary = say('cli.download.summary', {
    state: word('state', view.state),
    error: view.error === null ? '' : ` (${faultLine(view.error)})`,
    megabytes: megabytes(view.bytes),
    seconds: view.durationSeconds ?? 0,
  });
  const { state } = view;
  const stays = state === 'failed' || state === 'partial' ? [say(`cli.download.stays.${state}`)] : [];
  return [summary, ...lines, ...stays, ''].join('\n');
}

/** Of several sources it is of interest which one was asked. */
function faultLine(error: NonNullable<DownloadView['error']>): string {
  const text = storedFault(error).text[terminalLanguage()];
  const url = error.details?.['url'];
  return `${error.code}: ${text}${typeof url === 'string' && !text.includes(url) ? ` ${url}` : ''}`;
}

function componentLine({ id, outcome, error, versionBefore, versionAfter }: OutcomeView): string {
  const none = say('cli.download.none');
  if (outcome === 'failed')
    return say('cli.download.failed', {
      component: id,
      code: error?.code ?? '',
      message: error === null ? '' : storedFault(error).text,
    });
  if (outcome === 'updated')
    return say('cli.download.updated', { component: id, before: versionBefore ?? none, after: versionAfter ?? none });
  return say('cli.download.restored', { component: id });
}
