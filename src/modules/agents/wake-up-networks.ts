import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { AppError } from '../../platform/errors/app-error.js';
import { reason } from '../../platform/texts/texts.js';
import { AgentSettings } from './agent.settings.js';

/** Names by which clouds hand out credentials; never a product. */
const METADATA = new Set(['metadata', 'metadata.google.internal', 'instance-data']);
const METADATA_ADDRESSES = new Set(['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192']);
/** Only when the setting names their network in so many words, never because it lies in a wider one. */
const NEVER_BY_ACCIDENT = new Set(['loopback', 'linkLocal', 'unspecified', 'multicast', 'broadcast', 'reserved']);

/** Where wake-up calls may go: a callback URL must not become a way to reach what its product has no business with. */
@Injectable()
export class WakeUpNetworks {
  constructor(private readonly settings: AgentSettings) {}

  /** The form only; where it leads is checked at each call. @throws AppError `callback-url-invalid`. */
  checkUrl(text: string): URL {
    const url = URL.parse(text);
    const fault =
      url === null || text.length > 1000
        ? 'no-url'
        : !['http:', 'https:'].includes(url.protocol)
          ? 'scheme'
          : url.username !== '' || url.password !== ''
            ? 'credentials'
            : METADATA.has(url.hostname.toLowerCase())
              ? 'host'
              : null;
    if (url === null || fault !== null)
      throw new AppError('bad-input', 'callback-url-invalid', {
        values: { why: reason(`callback.${fault ?? 'no-url'}`) },
      });
    return url;
  }

  /**
   * The address to connect to, resolved once, so that the name cannot lead elsewhere between the check and the call.
   * @throws AppError `callback-not-allowed`, `callback-unresolvable`.
   */
  async resolve(url: URL): Promise<{ address: string; family: 4 | 6 }> {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const found = isIP(host) ? [{ address: host, family: isIP(host) }] : await addressesOf(host);
    const networks = (await this.settings.get()).wakeUpNetworks;
    // All or nothing: a name with one forbidden address is not trusted with another.
    for (const { address } of found)
      if (!isAllowed(address, networks))
        throw new AppError('forbidden', 'callback-not-allowed', { values: { host, address } });
    const [first] = found;
    if (first === undefined) throw unresolvable(host);
    return { address: first.address, family: first.family === 6 ? 6 : 4 };
  }
}

/** Whether an address lies in one of the networks, with the ranges that need to be named on purpose left out. */
export function isAllowed(text: string, networks: readonly string[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (METADATA_ADDRESSES.has(address.toString())) return false;
  const special = NEVER_BY_ACCIDENT.has(address.range());
  return networks.some((network) => {
    if (!ipaddr.isValidCIDR(network)) return false;
    const [base, bits] = ipaddr.parseCIDR(network);
    if (base.kind() !== address.kind() || !address.match([base, bits] as [ipaddr.IPv4, number])) return false;
    return !special || base.range() === address.range();
  });
}

async function addressesOf(host: string): Promise<{ address: string; family: number }[]> {
  try {
    return await lookup(host, { all: true });
  } catch {
    throw unresolvable(host);
  }
}

function unresolvable(host: string): AppError {
  return new AppError('upstream', 'callback-unresolvable', { values: { host } });
}
