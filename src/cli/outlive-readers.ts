import { say } from './language.js';

/** Those who read are gone: they have seen enough (`| head`), or closed their terminal. */
const READERS_GONE = new Set(['EPIPE', 'EIO']);

/** A reader that has seen enough is no fault, and no reason for a server to end; what could not be written is one. Call once. */
export function outliveReaders(): void {
  let told = false;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (fault: NodeJS.ErrnoException) => {
      if (READERS_GONE.has(fault.code ?? '')) return;
      process.exitCode = 1;
      if (stream === process.stdout && !told)
        process.stderr.write(`output-failed: ${say('error.output-failed', { reason: fault.message })}\n`);
      told = true;
    });
}
