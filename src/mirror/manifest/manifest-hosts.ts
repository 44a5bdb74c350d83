import type { IniLine } from './ini-document.js';
import { trailingCommentStart } from './ini-document.js';
import { namesFile, sectionKind } from './manifest-grammar.js';

/** Stands where an upstream's host was named: reserved, never resolves. */
const NOBODY = 'localhost.invalid';
const MAX_HOSTS = 500;

/**
 * One line of [Server] as a republished manifest may have it; null when it goes. Clients read their next server from
 * this section, so everything that names one is dropped and `AvailableServer` becomes 0.
 */
export function withoutServer(line: IniLine): string | null {
  if (line.kind === 'section' || line.kind === 'blank') return line.raw;
  if (line.kind !== 'comment' && /^Server\./i.test(line.key ?? '')) return null;
  if (namesHost(line.raw)) return null;
  if (/^AvailableServer$/i.test(line.key ?? '')) return `${line.raw.slice(0, line.raw.indexOf('='))}=0`;
  return line.raw;
}

/** A URL, a dotted host name or an IPv4 address. */
function namesHost(text: string): boolean {
  return /:\/\/|(?:^|[^\w.-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?![\w-])|\d{1,3}(?:\.\d{1,3}){3}/i.test(text);
}

/** Bare hosts, lower case, of what an administrator configured and of what the manifest's own [Server] names. */
export function hostsToHide(lines: readonly IniLine[], configured: readonly string[]): string[] {
  const hosts = new Set(configured.map(bareHost));
  for (const line of lines) {
    if (line.kind === 'pair' && sectionKind(line.section) === 'server') {
      for (const afterScheme of (line.value ?? '').split('://', 10).slice(1)) hosts.add(bareHost(afterScheme));
      if (/^Server\./i.test(line.key ?? '')) hosts.add(bareHost(line.value ?? ''));
    }
  }
  // Shorter ones are no host that could be told from a word; the configured ones come first within the limit.
  return [...hosts].filter((host) => /^[a-z0-9.-]{4,253}$/.test(host)).slice(0, MAX_HOSTS);
}

/** `https://user@Host:443/path` → `host`. IPv6 addresses come out as something that is no name, and are ignored. */
function bareHost(text: string): string {
  const authority = text
    .trim()
    .toLowerCase()
    .replace(/^[a-z][a-z0-9+.-]*:\/\//, '')
    .split(/[\s/,;?#]/)[0];
  return (authority ?? '').replace(/^.*@/, '').replace(/:\d*$/, '');
}

/**
 * Makes the function that takes upstream hosts out of a line. What products act on stays untouched: in a line that
 * names a file only its comment and URLs are changed, and an IP address or a name without dots counts only where it
 * can be nothing else: in a URL, before a port or a slash.
 */
export function hostHider(
  hosts: readonly string[],
): (line: Pick<IniLine, 'raw' | 'section' | 'kind' | 'key' | 'value'>) => string {
  if (hosts.length === 0) return (line) => line.raw;
  const any = [...hosts]
    .sort((a, b) => b.length - a.length)
    .map(escape)
    .join('|');
  const names = hosts.filter(isFullName).map(escape);
  const inUrl = new RegExp(`(?<=//(?:[^/@\\s]*@)?)(?:${any})(?::\\d+)?(?![\\w-]|\\.\\w)`, 'gi');
  const asHost = new RegExp(`(?<![\\w.-])(?:${any})(?::\\d+|(?=/))(?![\\w-]|\\.\\w)`, 'gi');
  const anywhere = new RegExp(`(?<![\\w.-])(?:${any})(?::\\d+)?(?![\\w-]|\\.\\w)`, 'gi');
  const named =
    names.length === 0 ? null : new RegExp(`(?<![\\w.-])(?:${names.join('|')})(?::\\d+)?(?![\\w-]|\\.\\w)`, 'gi');
  const found = new RegExp(any, 'i');
  return (line) => {
    if (!found.test(line.raw)) return line.raw;
    if (line.kind !== 'pair') return line.raw.replace(anywhere, NOBODY);
    const comment = trailingCommentStart(line.raw);
    const text = comment === -1 ? line.raw : line.raw.slice(0, comment);
    const rest = comment === -1 ? '' : line.raw.slice(comment).replace(anywhere, NOBODY);
    if (namesFile(line)) return text.replace(inUrl, NOBODY) + rest;
    const clean = text.replace(inUrl, NOBODY).replace(asHost, NOBODY);
    return (named ? clean.replace(named, NOBODY) : clean) + rest;
  };
}

/** An address could be a version, and a name without a dot any word. */
function isFullName(host: string): boolean {
  return host.includes('.') && !/^[\d.]+$/.test(host);
}

function escape(host: string): string {
  return host.replace(/[.-]/g, '\\$&');
}

/** Names under which the upstream must not appear in what we publish. */
export function hostsOf(sources: { url: string }[]): string[] {
  return sources
    .filter(({ url }) => /^https?:/.test(url))
    .flatMap(({ url }) => [new URL(url).host, new URL(url).hostname]);
}
