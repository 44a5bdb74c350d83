import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../config/config.js';
import { PublishedDirectory } from '../mirror/snapshot/published-directory.js';
import { verifyStore, type VerifyProblem, type VerifyReport } from '../mirror/snapshot/verify.js';
import { BlobStore } from '../mirror/store/blob-store.js';
import { AppError } from '../platform/errors/app-error.js';
import { createLogger } from '../platform/logging/logger.js';
import { megabytes, say } from './language.js';
import { withBar } from './progress-bar.js';
import { recordedFiles } from './recorded-files.js';

interface VerifyOptions {
  json?: boolean;
  quarantine?: boolean;
}

export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description(say('help.verify'))
    .option('--quarantine', say('help.verify.quarantine'))
    .option('--json', say('help.json'))
    .action(async (options: VerifyOptions) => {
      const config = loadConfig();
      await access(join(config.dataDir, 'blobs')).catch(() => {
        throw new AppError('bad-input', 'nothing-to-verify', { values: { dataDir: config.dataDir } });
      });
      const blobs = new BlobStore(config.dataDir);
      const releases = await recordedFiles(config, createLogger('fatal'));
      const report = await withBar(say('cli.verify.verifying'), !options.json, (onProgress) =>
        verifyStore({
          blobs,
          directory: new PublishedDirectory(config.dataDir, blobs),
          releases,
          quarantine: options.quarantine ?? false,
          onProgress,
        }),
      );
      process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
      if (report.problems.length > 0) process.exitCode = 1;
    });
}

function describe(report: VerifyReport): string {
  const { blobs, snapshots, releases, problems } = report;
  const lines = [
    say('cli.verify.checked', {
      files: blobs.count,
      megabytes: megabytes(blobs.bytes),
      snapshots,
      releases: releases === null ? say('cli.verify.no-releases') : say('cli.verify.releases', { releases }),
    }),
    ...problems.flatMap(problemLines),
    problems.length === 0 ? say('cli.verify.sound') : say('cli.verify.problems', { problems: problems.length }),
  ];
  return `${lines.join('\n')}\n`;
}

function problemLines(problem: VerifyProblem): string[] {
  const { code, sha256, size, expectedSize, usedBy, quarantined } = problem;
  const sizes =
    expectedSize !== null && size !== expectedSize
      ? say('cli.verify.sizes', { size: size ?? say('cli.verify.no-size'), expected: expectedSize })
      : '';
  return [
    `${code}: ${sha256 ?? usedBy[0] ?? ''}${sizes}${quarantined ? say('cli.verify.quarantined') : ''}`,
    ...(sha256 === null ? [] : usedBy.map((use) => `  ${say('cli.verify.used-by', { use })}`)),
    `  ${adviceFor(problem)}`,
  ];
}

function adviceFor({ code, sha256, remedy, quarantined }: VerifyProblem): string {
  if (sha256 === null) return say(remedy === 'download' ? 'cli.verify.in-force' : 'cli.verify.collected');
  const advice = say(`cli.verify.${remedy}`);
  return code === 'blob-corrupt' && !quarantined ? say('cli.verify.quarantine-first', { advice }) : advice;
}
