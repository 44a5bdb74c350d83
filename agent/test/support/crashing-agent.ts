import type { CrashPoint, InstallStep } from '../../src/install/crash-point.js';
import { runProgram } from '../../src/program.js';

/** Ends the process without any chance to tidy up at the Nth step of an installation. */
class KillAtStep implements CrashPoint {
  #left: number;

  constructor(step: number) {
    this.#left = step;
  }

  reach(step: InstallStep): void {
    this.#left -= 1;
    if (this.#left !== 0) return;
    process.stderr.write(`{"level":"info","message":"killed","step":"${step}"}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}

const [step, ...words] = process.argv.slice(2);
process.exitCode = await runProgram(words, {
  crash: new KillAtStep(Number(step)),
  environment: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
});
