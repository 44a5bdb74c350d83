import { writeFile } from 'node:fs/promises';
import { AppError } from '../platform/errors/app-error.js';

/**
 * Prints a document, or writes it to a file.
 * @throws AppError `file-not-writable`.
 */
export async function printDocument(text: string, file: string | undefined): Promise<void> {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeFile(file, text).catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('bad-input', 'file-not-writable', { values: { file, reason: cause.message }, cause });
  });
}

/** Resolves when it is written. @throws the fault of the disk, or that nobody reads any more. */
export function printed(text: string): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.write(text, (fault) => (fault ? fail(fault) : done()));
  });
}
