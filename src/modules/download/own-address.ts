import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { CONFIG, type Config } from '../../config/config.js';
import { MirrorSettings } from '../../mirror/settings/mirror-settings.store.js';
import { AppError } from '../../platform/errors/app-error.js';
import { ListenerAddresses } from '../../platform/http/listener-addresses.js';
import { machineAddresses } from '../../platform/http/machine-addresses.js';

/** Below these the server publishes; in lower case. */
const PUBLISHED = ['/activeupdate', '/tvcsdownload/activeupdate'];

export interface OwnPlace {
  /** On which it listens. */
  ports: readonly number[];
  /** On which it listens, in canonical form; null: all of the machine. */
  listening: readonly string[] | null;
  /** Of the machine's interfaces, in canonical form. */
  machine: readonly string[];
  publicUrl: string | undefined;
}

/** Null for what is no address. */
function canonical(address: string): string | null {
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  return ipaddr.isValid(plain) ? ipaddr.process(plain).toString() : null;
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function isLoopback(address: string | null): boolean {
  // `0.0.0.0` as an address to connect to means the same.
  return address !== null && ['loopback', 'unspecified'].includes(ipaddr.parse(address).range());
}

/** Whether an address to which a source's name leads is one on which this server listens. */
export function isListening(address: string, { listening, machine }: OwnPlace): boolean {
  const known = canonical(address);
  if (known === null) return false;
  return listening === null ? isLoopback(known) || machine.includes(known) : listening.includes(known);
}

/** A name that leads to other machines too is not plainly ours; `localhost` may have a second address on which nobody listens. */
export function leadsHere(addresses: readonly string[], place: OwnPlace): boolean {
  const isOurs = (address: string): boolean => isListening(address, place);
  const isHere = (address: string): boolean => isOurs(address) || isLoopback(canonical(address));
  return addresses.some(isOurs) && addresses.every(isHere);
}

/** Whether a URL is one under which this server says that it is reached from outside. */
export function isBelowPublicUrl(url: URL, publicUrl: string | undefined): boolean {
  if (publicUrl === undefined || !URL.canParse(publicUrl)) return false;
  const base = new URL(publicUrl);
  if (base.hostname !== url.hostname || portOf(base) !== portOf(url)) return false;
  const path = `${url.pathname.toLowerCase().replace(/\/+$/, '')}/`;
  return PUBLISHED.some((place) => path.startsWith(`${base.pathname.toLowerCase().replace(/\/+$/, '')}${place}/`));
}

/** Knows whether an address is this server's own: a mirror of itself never has anything new, and nobody is told. */
@Injectable()
export class OwnAddress {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly listeners: ListenerAddresses,
    private readonly settings: MirrorSettings,
  ) {}

  /** @throws AppError `source-is-self` for the first that is plainly this server; another server on this machine is none. */
  async requireOthers(urls: readonly string[]): Promise<void> {
    for (const url of urls)
      if (/^https?:/i.test(url) && (await this.isSelf(new URL(url))))
        throw new AppError('unprocessable', 'source-is-self', { details: { url } });
  }

  private async isSelf(url: URL): Promise<boolean> {
    if (isBelowPublicUrl(url, this.config.publicUrl)) return true;
    const place = await this.place();
    // Behind a proxy a loopback address is one of the proxy's machine.
    if (!place.ports.includes(portOf(url)) || (await this.settings.proxy()) !== null) return false;
    const found = await addressesOf(url.hostname);
    return leadsHere(found, place);
  }

  private async place(): Promise<OwnPlace> {
    const { host, publicUrl } = this.config;
    const own = [this.listeners.httpUrl, this.listeners.httpsUrl].filter((url) => url !== null);
    const everywhere = host === '0.0.0.0' || host === '::';
    return {
      ports: own.map((url) => portOf(new URL(url))),
      listening: everywhere ? null : (await addressesOf(host)).flatMap((each) => canonical(each) ?? []),
      machine: machineAddresses().flatMap((address) => canonical(address) ?? []),
      publicUrl,
    };
  }
}

/** None for a name that cannot be resolved now: it may be another server's, and a download will tell. */
async function addressesOf(hostname: string): Promise<string[]> {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host)) return [host];
  return (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address);
}
