import type { SmallRequest, Validators } from './source.js';

/** The part of a request that asks whether a file has changed; empty when nothing that is known of it would tell. */
export function conditionalOn({ etag, lastModified, unsettled }: Validators): Pick<SmallRequest, 'conditional'> {
  if (unsettled || (etag === undefined && lastModified === undefined)) return {};
  return {
    conditional: { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) },
  };
}
