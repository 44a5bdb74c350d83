import Table from 'cli-table3';
import type { Command } from 'commander';
import type { ComponentView } from '../modules/download/component.view.js';
import { AppError } from '../platform/errors/app-error.js';
import type { Check } from '../server/readiness.js';
import { ApiClient } from './api-client.js';
import { type ConnectOptions, takeConnectOptions } from './connect-options.js';
import { localTime, say, terminalLanguage, word } from './language.js';

interface Channel {
  id: string;
  snapshotId: string | null;
  publishedAt: string | null;
  fileCount: number;
}

const COLUMNS = [
  'cli.status.component',
  'cli.status.current',
  'cli.status.available',
  'cli.status.update',
  'cli.status.note',
] as const;

export function registerStatus(program: Command): void {
  takeConnectOptions(program.command('status').description(say('help.status'))).action(
    async (options: ConnectOptions) => {
      const api = await ApiClient.connect(options);
      const components = await api.list<ComponentView>('/api/v1/components');
      const channels = (await api.get<{ items: Channel[] }>('/api/v1/channels')).items;
      const checks = await checksOf(api);
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ components, channels, checks: inCodes(checks) }, null, 2)}\n`);
        return;
      }
      const table = new Table({
        head: COLUMNS.map((key) => say(key)),
        style: { head: [], border: [] },
      });
      for (const each of components)
        table.push([
          each.id,
          each.current === null ? '-' : `${each.current.version} (${word('origin', each.current.origin)})`,
          each.available.version ?? say(`cli.status.${each.available.state === 'unknown' ? 'unknown' : 'not-carried'}`),
          each.updateNeeded ? say('cli.status.needed') : '',
          noteOf(each),
        ]);
      process.stdout.write(`${[table.toString(), ...reasonsOf(components), ...faultsOf(checks)].join('\n')}\n`);
      for (const channel of channels)
        process.stdout.write(
          channel.snapshotId === null
            ? `${say('cli.status.nothing-published', { channel: channel.id })}\n`
            : `${say('cli.status.published', {
                channel: channel.id,
                snapshot: channel.snapshotId,
                files: channel.fileCount,
                since: localTime(channel.publishedAt ?? ''),
              })}\n`,
        );
    },
  );
}

/** How the server stands with what it needs. It says so with 503 too; a proxy may keep it back. */
async function checksOf(api: ApiClient): Promise<Record<string, Check>> {
  try {
    return (await api.get<{ checks: Record<string, Check> }>('/readyz')).checks;
  } catch (fault) {
    const told = fault instanceof AppError ? fault.details['checks'] : undefined;
    return (told ?? {}) as Record<string, Check>;
  }
}

/** The details are in the language of the terminal, and what scripts read is not. */
function inCodes(checks: Record<string, Check>): Record<string, Omit<Check, 'detail'>> {
  return Object.fromEntries(Object.entries(checks).map(([part, { ok, code, since }]) => [part, { ok, code, since }]));
}

/** What a person should know although the server answers: a certificate or a disk that comes to its end. */
function faultsOf(checks: Record<string, Check>): string[] {
  return Object.entries(checks)
    .filter(([, { ok }]) => !ok)
    .map(([part, { code, detail, since }]) =>
      say('cli.status.wrong', { part, code, detail: detail ?? '', since: localTime(since) }),
    );
}

/** What the reasons in the notes mean, each once. */
export function reasonsOf(components: readonly ComponentView[]): string[] {
  const unknown = components.map(({ available }) => available).filter(({ state }) => state === 'unknown');
  const lines = unknown.map(({ reason, text }) => {
    const why = text?.[terminalLanguage()] ?? (reason === 'never-checked' ? say('cli.status.never-checked') : null);
    return why === null ? [] : [say('cli.status.why', { reason, why })];
  });
  return [...new Set(lines.flat())];
}

export function noteOf(component: ComponentView): string {
  const { state, reason, since } = component.available;
  const notes = [
    state === 'unknown'
      ? say('cli.status.unknown-since', { reason, since: since === null ? '-' : localTime(since) })
      : '',
    component.rolledBack ? say('cli.status.rolled-back') : '',
    component.selected ? '' : say('cli.status.not-selected'),
    component.scheduled ? '' : say('cli.status.not-scheduled'),
    component.licensed ? '' : say('cli.status.no-licence'),
  ];
  return notes.filter(Boolean).join(', ');
}
