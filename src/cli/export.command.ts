import { Option, type Command } from 'commander';
import { loadConfig, type Config } from '../config/config.js';
import { exportTree, type ExportReport } from '../mirror/export/tree-export.js';
import { CHANNELS, type Channel } from '../mirror/snapshot/channel.js';
import type { SnapshotIndex } from '../mirror/snapshot/held-file.js';
import { PublishedDirectory } from '../mirror/snapshot/published-directory.js';
import { BlobStore } from '../mirror/store/blob-store.js';
import { AppError } from '../platform/errors/app-error.js';
import { megabytes, say } from './language.js';
import { withBar } from './progress-bar.js';

interface ExportOptions {
  channel: Channel;
  snapshot?: string;
  json?: boolean;
}

export function registerExport(program: Command): void {
  program
    .command('export')
    .description(say('help.export'))
    .argument('<directory>', say('help.export.directory'))
    .addOption(new Option('--channel <channel>', say('help.export.channel')).choices(CHANNELS).default('global'))
    .option('--snapshot <id>', say('help.export.snapshot'))
    .option('--json', say('help.json'))
    .action(async (directory: string, options: ExportOptions) => {
      const config = loadConfig();
      const blobs = new BlobStore(config.dataDir);
      const index = await publishedIndex(config, blobs, options);
      const report = await cancellable((signal) =>
        withBar(say('cli.export.exporting'), !options.json, (onProgress) =>
          exportTree({ index, blobs, directory, signal, onProgress }),
        ),
      );
      process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
    });
}

/** Read from the disk: works beside a running server and without one, as long as the account may read its data. */
async function publishedIndex(config: Config, blobs: BlobStore, options: ExportOptions): Promise<SnapshotIndex> {
  const { channel } = options;
  const published = new PublishedDirectory(config.dataDir, blobs);
  const current = await published.current(channel);
  if (current === null) throw new AppError('not-found', 'nothing-published', { values: { dataDir: config.dataDir } });
  const wanted = options.snapshot ?? current;
  if (!(await published.snapshots(channel)).includes(wanted))
    throw new AppError('not-found', 'snapshot-unknown', { values: { id: wanted } });
  return published.readIndex(channel, wanted);
}

async function cancellable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const cancel = (): void => stop.abort();
  process.once('SIGINT', cancel);
  return work(stop.signal).finally(() => process.removeListener('SIGINT', cancel));
}

function describe(report: ExportReport): string {
  const { snapshot, channel, directory, files, bytes, copied, removed } = report;
  return [
    say('cli.export.done', { channel, snapshot, files, megabytes: megabytes(bytes), directory }),
    say('cli.export.changes', { copied, removed }),
    say('cli.export.check', { directory }),
    '',
  ].join('\n');
}
