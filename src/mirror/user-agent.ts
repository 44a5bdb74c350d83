import { VERSION } from '../platform/version.js';

/** How we name ourselves to upstreams. */
export const userAgent = `Haishin/${VERSION}`;
