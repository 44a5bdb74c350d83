import type { Command } from 'commander';
import { targetStatesDocument } from '../modules/commands/target-states.document.js';
import { printDocument } from './print-document.js';

export function registerCommandStates(program: Command): void {
  program
    .command('command-states')
    .description('print the states of commands as a document')
    .option('--out <file>', 'write it to a file')
    .action((options: { out?: string }) => printDocument(targetStatesDocument(), options.out));
}
