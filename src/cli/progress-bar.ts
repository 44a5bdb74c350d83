import { SingleBar } from 'cli-progress';
import { megabytes } from './language.js';

/** Done and all, in bytes; 0: how much there is, is not known yet. */
export type OnProgress = (done: number, total: number) => void;

/** Does the work with a bar of its bytes on a terminal, which goes in the end. @param wanted false: output is for programs. */
export async function withBar<T>(
  title: string,
  wanted: boolean,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  if (!process.stderr.isTTY || !wanted) return work(() => undefined);
  const bar = new SingleBar({
    format: `${title} [{bar}] {done}/{all} MB`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(1, 0, { done: megabytes(0), all: '?' });
  try {
    return await work((done, total) => {
      bar.setTotal(Math.max(1, total));
      bar.update(done, { done: megabytes(done), all: megabytes(total) });
    });
  } finally {
    bar.stop();
  }
}
