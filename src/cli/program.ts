import { Command } from 'commander';
import { toAppError } from '../platform/errors/app-error.js';
import { VERSION } from '../platform/version.js';
import { say, terminalLanguage } from './language.js';
import { speakItsLanguage } from './usage.js';

/** Each brings its own modules with it: a command that only asks the API must not wait for the server's. */
const COMMANDS = new Map<string, () => Promise<(program: Command) => void>>([
  ['serve', async () => (await import('./serve.command.js')).registerServe],
  ['quickstart', async () => (await import('./quickstart.command.js')).registerQuickstart],
  ['download', async () => (await import('./download.command.js')).registerDownload],
  ['upload', async () => (await import('./upload.command.js')).registerUpload],
  ['status', async () => (await import('./status.command.js')).registerStatus],
  ['token', async () => (await import('./token.command.js')).registerToken],
  ['export', async () => (await import('./export.command.js')).registerExport],
  ['verify', async () => (await import('./verify.command.js')).registerVerify],
  [
    'sample-upstream',
    async () => {
      const { registerSampleUpstream } = await import('../sample-upstream/sample-upstream.command.js');
      return (program) => registerSampleUpstream(program, say);
    },
  ],
  [
    'fleet',
    async () => {
      const { registerFleet } = await import('../fleet/fleet.command.js');
      return (program) => registerFleet(program, say);
    },
  ],
  ['openapi', async () => (await import('./openapi.command.js')).registerOpenApi],
  ['command-states', async () => (await import('./command-states.command.js')).registerCommandStates],
]);

/** @param name the command that was asked for; all of them when it is none (help, a mistake). */
async function createProgram(name: string | undefined): Promise<Command> {
  const program = speakItsLanguage(new Command('haishin'))
    .description(say('help.program'))
    .version(VERSION, '-V, --version', say('help.version'))
    .helpOption('-h, --help', say('help.help'))
    .helpCommand('help [command]', say('help.help'))
    // `upload --version …` is the version of the upload.
    .enablePositionalOptions();
  const asked = COMMANDS.get(name ?? '');
  for (const load of asked === undefined ? COMMANDS.values() : [asked]) (await load())(program);
  return program;
}

export async function runCli(argv: string[]): Promise<void> {
  try {
    const program = await createProgram(argv[2]);
    await program.parseAsync(argv);
  } catch (thrown) {
    const error = toAppError(thrown);
    const language = terminalLanguage();
    process.stderr.write(`${error.code}: ${error.text[language]}\n`);
    for (const fault of faultsOf(error.detailsIn(language))) process.stderr.write(`  - ${fault}\n`);
    if (error.kind === 'internal')
      process.stderr.write(`${error.cause instanceof Error ? (error.cause.stack ?? '') : ''}\n`);
    process.exitCode = 1;
  }
}

function faultsOf({ faults }: Record<string, unknown>): string[] {
  return Array.isArray(faults) ? faults.map(String) : [];
}
