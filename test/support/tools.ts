import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a program of the system is there; a test that needs an absent one is skipped, and says which. */
export function hasTool(name: string): boolean {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .concat('/usr/sbin')
    .some((directory) => {
      try {
        accessSync(join(directory, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  if (!found) process.stderr.write(`skipped: ${name} is not installed\n`);
  return found;
}
