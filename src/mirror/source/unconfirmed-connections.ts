import type { Worker } from 'node:cluster';

/** An accepted connection as node:cluster has it; closed twice it does nothing. */
interface Closeable {
  close(): void;
}

/** What node:cluster writes to a worker with a connection that it has accepted for it. */
interface NewConnection {
  cmd: 'NODE_CLUSTER';
  act: 'newconn';
  seq: number;
}

/**
 * Closes the connections that a worker was given and did not take before it died. node:cluster keeps each of them open until the worker
 * says that it has it, so that without this the client would wait for an answer, and the descriptor stay taken, for as long as the primary
 * process lives. They cannot be given to another worker: whether an answer has begun is not known.
 *
 * The messages are those of node:cluster itself (lib/internal/cluster/round_robin_handle.js), which no interface shows. Were they to
 * change, nothing would be found here, and nothing closed.
 */
export function closeUnconfirmed(worker: Worker): void {
  const { process } = worker;
  const unconfirmed = new Map<number, Closeable>();
  // No process could be made; it may have no channel either.
  if (process.pid === undefined) return;
  const send = process.send.bind(process) as (message: unknown, ...rest: unknown[]) => boolean;
  process.send = (message: unknown, ...rest: unknown[]): boolean => {
    const [handle] = rest;
    if (isNewConnection(message) && canClose(handle)) unconfirmed.set(message.seq, handle);
    return send(message, ...rest);
  };
  process.on('internalMessage', ({ ack }: { ack?: number }) => {
    if (ack !== undefined) unconfirmed.delete(ack);
  });
  const close = (): void => {
    for (const handle of unconfirmed.values()) handle.close();
    unconfirmed.clear();
  };
  // Either may come first, and until both have come further connections may be given to it.
  process.on('exit', close);
  process.on('disconnect', close);
}

function isNewConnection(message: unknown): message is NewConnection {
  const { cmd, act, seq } = message as Partial<NewConnection>;
  return cmd === 'NODE_CLUSTER' && act === 'newconn' && typeof seq === 'number';
}

function canClose(handle: unknown): handle is Closeable {
  return typeof (handle as Partial<Closeable> | undefined)?.close === 'function';
}
