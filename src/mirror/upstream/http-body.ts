import { finished } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { TransferWatch } from './transfer-watch.js';

/** Takes one chunk; a promise means: nothing more until it resolves. */
export type TakeChunk = (chunk: Buffer) => Promise<unknown> | undefined;

/**
 * Reads a body to its end. By events, not by `for await`: with thousands of 64 KiB chunks the iterator alone costs a third of the
 * whole transfer.
 */
export function readBody(body: Dispatcher.ResponseData['body'], watch: TransferWatch, take: TakeChunk): Promise<void> {
  return new Promise((resolve, reject) => {
    /** What the last chunk still has to do; nothing is reported before it is over, or two would write to one file. */
    let busy: Promise<unknown> | undefined;
    const settle = (end: () => void): void => {
      if (busy === undefined) end();
      else busy.then(end, end);
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const onChunk = (chunk: Buffer): void => {
      watch.received(chunk.length);
      try {
        busy = take(chunk);
      } catch (error) {
        body.off('data', onChunk).destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      if (busy === undefined) {
        watch.waiting();
        return;
      }
      body.pause();
      busy.then(
        () => {
          busy = undefined;
          watch.waiting();
          body.resume();
        },
        (error: Error) => {
          body.destroy();
          reject(error);
        },
      );
    };
    // Unlike listeners, this also reports a body that broke off before anybody looked.
    finished(body, { writable: false }, (error) => {
      if (error) fail(error);
      else settle(resolve);
    });
    body.on('data', onChunk);
  });
}
