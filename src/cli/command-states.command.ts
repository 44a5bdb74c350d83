import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { targetStatesDocument } from '../modules/commands/target-states.document.js';

export function registerCommandStates(program: Command): void {
  program
    .command('command-states')
    .description('print the states of commands as a document')
    .option('--out <file>', 'write it to a file')
    .action(async (options: { out?: string }) => {
      if (options.out === undefined) process.stdout.write(targetStatesDocument());
      else await writeFile(options.out, targetStatesDocument());
    });
}
