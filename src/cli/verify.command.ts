import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { loadConfig } from '../config/config.js';
import { PublishedDirectory } from '../mirror/snapshot/published-directory.js';
import { verifyStore, type Remedy, type VerifyProblem, type VerifyReport } from '../mirror/snapshot/verify.js';
import { BlobStore } from '../mirror/store/blob-store.js';
import { AppError } from '../platform/errors/app-error.js';
import { createLogger } from '../platform/logging/logger.js';
import { openRecordedFiles } from './recorded-files.js';

interface VerifyOptions {
  json?: boolean;
  quarantine?: boolean;
}

export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('re-hash every stored file against its record; works with and without a running server')
    .option('--quarantine', 'move corrupt files aside, so that the next download fetches them again')
    .option('--json', 'print the report as JSON')
    .action(async (options: VerifyOptions) => {
      const config = loadConfig();
      await access(join(config.dataDir, 'blobs')).catch(() => {
        throw new AppError('bad-input', 'nothing-to-verify', `There is nothing stored in ${config.dataDir} yet.`);
      });
      const blobs = new BlobStore(config.dataDir);
      const recorded = await openRecordedFiles(config, createLogger('fatal'));
      const terminal = process.stderr.isTTY && !options.json;
      const bar = new SingleBar({ format: 'verifying [{bar}] {percentage}%  {done} MB', stream: process.stderr });
      if (terminal) bar.start(1, 0, { done: '0.0' });
      try {
        const report = await verifyStore({
          blobs,
          directory: new PublishedDirectory(config.dataDir, blobs),
          releases: recorded?.read ?? null,
          quarantine: options.quarantine ?? false,
          onProgress: (done, total) => {
            if (!terminal) return;
            bar.setTotal(Math.max(1, total));
            bar.update(done, { done: megabytes(done) });
          },
        });
        bar.stop();
        process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
        if (report.problems.length > 0) process.exitCode = 1;
      } finally {
        bar.stop();
        await recorded?.close();
      }
    });
}

function describe(report: VerifyReport): string {
  const { blobs, snapshots, releases, problems } = report;
  const lines = [
    `${blobs.count} stored files (${megabytes(blobs.bytes)} MB), ${snapshots} snapshots, ${
      releases === null ? 'releases not checked: the database cannot be reached' : `${releases} releases`
    }`,
    ...problems.flatMap(problemLines),
    problems.length === 0 ? 'all as it should be' : `${problems.length} problem(s)`,
  ];
  return `${lines.join('\n')}\n`;
}

function problemLines(problem: VerifyProblem): string[] {
  const { code, sha256, size, expectedSize, usedBy, quarantined } = problem;
  const sizes =
    expectedSize !== null && size !== expectedSize ? ` (${size ?? 'no'} bytes, recorded ${expectedSize})` : '';
  return [
    `${code}: ${sha256 ?? usedBy[0] ?? ''}${sizes}${quarantined ? ', moved to the quarantine' : ''}`,
    ...(sha256 === null ? [] : usedBy.map((use) => `  used by ${use}`)),
    `  ${adviceFor(problem)}`,
  ];
}

const ADVICE: Record<Remedy, string> = {
  download: 'the next download fetches it again: haishin download',
  upload: 'it was uploaded: upload the same file again (haishin upload … --force)',
  retention: 'only earlier releases need it; the source may not have it any more, and it goes with them',
  nothing: 'nothing needs it',
};

function adviceFor({ code, sha256, remedy, quarantined }: VerifyProblem): string {
  if (sha256 === null)
    return remedy === 'nothing'
      ? 'this snapshot is in force: restore the file from a backup'
      : 'it goes with the next collections; until then none of its paths is served';
  if (code === 'blob-corrupt' && !quarantined)
    return `first move it aside: haishin verify --quarantine; then: ${ADVICE[remedy]}`;
  return ADVICE[remedy];
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
