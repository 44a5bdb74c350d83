import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to one request wherever its work leads, without being handed through every layer. */
const requests = new AsyncLocalStorage<{ readonly id: string }>();

/** Runs `work`, and whatever it starts, as the work of this request. */
export function withinRequest(id: string, work: () => void): void {
  requests.run({ id }, work);
}

/** Id of the request that is being worked on: what its answer says in `x-request-id`. Null outside of any. */
export function currentRequestId(): string | null {
  return requests.getStore()?.id ?? null;
}
