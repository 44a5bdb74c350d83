import type { Dispatcher } from 'undici';
import { HttpAnswer } from './http-answer.js';

/** What undici gives to a handler, with a record of what was asked of it. */
class Controller {
  readonly asked: string[] = [];
  reason: Error | null = null;

  pause(): void {
    this.asked.push('pause');
  }

  resume(): void {
    this.asked.push('resume');
  }

  abort(reason: Error): void {
    this.asked.push('abort');
    this.reason = reason;
  }
}

function begin(signal = new AbortController().signal): {
  answer: HttpAnswer;
  controller: Controller;
  lend: (text: string) => void;
} {
  const answer = new HttpAnswer(signal);
  const controller = new Controller();
  const given = controller as unknown as Dispatcher.DispatchController;
  answer.onRequestStart(given);
  answer.onResponseStart(given, 200, {});
  const lend = (text: string): void => {
    const buffer = Buffer.from(text);
    answer.onResponseData(given, buffer);
    // The connection reads into the same buffer again.
    buffer.fill('!');
  };
  return { answer, controller, lend };
}

function gather(
  answer: HttpAnswer,
  busy?: () => Promise<void> | undefined,
): { text: () => string; end: Promise<void> } {
  let text = '';
  const end = answer.read(null, (chunk) => {
    text += chunk.toString();
    return busy?.();
  });
  return { text: () => text, end };
}

describe('an answer of the upstream', () => {
  it('gives its head, and skips the provisional ones', async () => {
    const answer = new HttpAnswer(new AbortController().signal);
    const given = new Controller() as unknown as Dispatcher.DispatchController;
    answer.onRequestStart(given);
    answer.onResponseStart(given, 103, {});
    answer.onResponseStart(given, 206, { etag: '"a"' });
    expect(await answer.head).toEqual({ status: 206, headers: { etag: '"a"' } });
  });

  it('keeps a copy of what comes before anybody reads', async () => {
    const { answer, controller, lend } = begin();
    lend('before ');
    const body = gather(answer);
    lend('after');
    answer.onResponseEnd();
    await body.end;
    expect(body.text()).toBe('before after');
    expect(controller.asked).not.toContain('pause');
  });

  it('stops the connection when much waits unread', () => {
    const { controller, lend } = begin();
    lend('x'.repeat(64 * 1024));
    expect(controller.asked).toEqual([]);
    lend('x');
    expect(controller.asked).toEqual(['pause']);
  });

  it('takes nothing more until the reader is ready, in order, also what undici delivers under a pause', async () => {
    const { answer, controller, lend } = begin();
    let ready: () => void = () => undefined;
    const waits: Promise<void>[] = [new Promise((resolve) => (ready = resolve))];
    const body = gather(answer, () => waits.shift());
    lend('first ');
    expect(controller.asked).toEqual(['resume', 'pause']);
    lend('second');
    answer.onResponseEnd();
    expect(body.text()).toBe('first ');
    ready();
    await body.end;
    expect(body.text()).toBe('first second');
  });

  it('reports a fault only when the reader has finished with its chunk', async () => {
    const { answer, lend } = begin();
    let ready: () => void = () => undefined;
    const steps: string[] = [];
    const body = gather(answer, () =>
      new Promise<void>((resolve) => (ready = resolve)).then(() => void steps.push('chunk done')),
    );
    const reported = body.end.catch((error: Error) => void steps.push(error.message));
    lend('x');
    answer.onResponseError({} as Dispatcher.DispatchController, new Error('broke off'));
    ready();
    await reported;
    expect(steps).toEqual(['chunk done', 'broke off']);
  });

  it('reports a body that broke off before anybody looked', async () => {
    const { answer } = begin();
    answer.onResponseError({} as Dispatcher.DispatchController, new Error('broke off'));
    await expect(gather(answer).end).rejects.toThrow('broke off');
  });

  it('ends the exchange when the reader fails, at once or later, even on the last chunk', async () => {
    for (const fail of [
      (): undefined => {
        throw new Error('disk full');
      },
      () => Promise.reject(new Error('disk full')),
    ]) {
      const { answer, controller, lend } = begin();
      lend('all there is');
      answer.onResponseEnd();
      await expect(gather(answer, fail).end).rejects.toThrow('disk full');
      expect(controller.reason?.message).toBe('disk full');
    }
  });

  it('ends in any phase when its signal says so', async () => {
    const beforeConnection = new AbortController();
    const waiting = new HttpAnswer(beforeConnection.signal);
    beforeConnection.abort(new Error('too slow'));
    await expect(waiting.head).rejects.toThrow('too slow');
    const late = new Controller();
    waiting.onRequestStart(late as unknown as Dispatcher.DispatchController);
    expect(late.asked).toEqual(['abort']);

    const inBody = new AbortController();
    const { answer, controller } = begin(inBody.signal);
    const body = gather(answer);
    inBody.abort(new Error('too slow'));
    await expect(body.end).rejects.toThrow('too slow');
    expect(controller.asked).toContain('abort');
  });

  it('reads a short rest for the sake of its connection, and drops a long one', async () => {
    const short = begin();
    short.lend('not found');
    short.answer.onResponseEnd();
    await short.answer.drain();
    expect(short.controller.asked).not.toContain('abort');

    const long = begin();
    const drained = long.answer.drain();
    long.lend('x'.repeat(20_000));
    await drained;
    expect(long.controller.asked).toContain('abort');
  });
});
