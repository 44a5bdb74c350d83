import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { AppError } from '../platform/errors/app-error.js';

export interface MigrationFile {
  /** File name without `.sql`: `0001-foundation`. The order is the order of the names. */
  name: string;
  sql: string;
  /** Hex SHA-256 of the text with LF line ends, so that a checkout with CRLF is the same migration. */
  sha256: string;
}

/** The migrations of this version: beside this file, in the sources and in the build alike. */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('./migrations', import.meta.url));

const NAME = /^(\d{4})-[a-z0-9]+(-[a-z0-9]+)*$/;

/** Reads every migration, in order. Throws AppError `migration-name` for a bad name or a number used twice. */
export async function readMigrationFiles(directory = MIGRATIONS_DIRECTORY): Promise<MigrationFile[]> {
  const fileNames = (await readdir(directory)).filter((fileName) => fileName.endsWith('.sql')).sort();
  const numbers = new Set<string>();
  return Promise.all(
    fileNames.map(async (fileName) => {
      const name = fileName.slice(0, -'.sql'.length);
      const number = NAME.exec(name)?.[1];
      if (number === undefined || numbers.has(number))
        throw new AppError('internal', 'migration-name', { values: { fileName } });
      numbers.add(number);
      const sql = (await readFile(join(directory, fileName), 'utf8')).replaceAll('\r\n', '\n');
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}
