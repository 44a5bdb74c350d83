import Table from 'cli-table3';
import type { Command } from 'commander';
import type { ComponentView } from '../modules/download/component.view.js';
import { ApiClient } from './api-client.js';
import type { ConnectOptions } from './download.command.js';

interface Channel {
  id: string;
  snapshotId: string | null;
  publishedAt: string | null;
  fileCount: number;
}

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('current and available version of every component, and what is published')
    .option('--url <url>', 'the server (default: the one on this data directory)')
    .option('--token <token>', 'API token (default: HAISHIN_TOKEN)')
    .option('--json', 'print it as JSON')
    .action(async (options: ConnectOptions) => {
      const api = await ApiClient.connect(options);
      const components = await api.list<ComponentView>('/api/v1/components');
      const channels = (await api.get<{ items: Channel[] }>('/api/v1/channels')).items;
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ components, channels }, null, 2)}\n`);
        return;
      }
      const table = new Table({
        head: ['component', 'current', 'available', 'update', 'note'],
        style: { head: [], border: [] },
      });
      for (const each of components)
        table.push([
          each.id,
          each.current === null ? '-' : `${each.current.version} (${each.current.origin})`,
          each.available.version ?? each.available.state,
          each.updateNeeded ? 'needed' : '',
          noteOf(each),
        ]);
      process.stdout.write(`${table.toString()}\n`);
      for (const channel of channels)
        process.stdout.write(
          channel.snapshotId === null
            ? `${channel.id}: nothing published yet\n`
            : `${channel.id}: snapshot ${channel.snapshotId}, ${channel.fileCount} files, since ${channel.publishedAt}\n`,
        );
    });
}

export function noteOf(component: ComponentView): string {
  const notes = [
    component.available.state === 'unknown' ? `${component.available.reason} since ${component.available.since}` : '',
    component.rolledBack ? 'rolled back' : '',
    component.selected ? '' : 'not selected',
    component.scheduled ? '' : 'not scheduled',
    component.licensed ? '' : 'no licence',
  ];
  return notes.filter(Boolean).join(', ');
}
