/** Ways in which a manifest can be broken or hostile. Each takes the good bytes and gives bad ones. */
export type ManifestTransform = (manifest: Buffer) => Buffer;

const text = (change: (manifest: string) => string): ManifestTransform => {
  return (manifest) => Buffer.from(change(manifest.toString('latin1')), 'latin1');
};

export const withBom: ManifestTransform = (manifest) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), manifest]);
export const withLf = text((ini) => ini.replaceAll('\r\n', '\n'));
export const withCrlf = text((ini) => ini.replaceAll(/\r?\n/g, '\r\n'));

/** Repeats a whole line; the copy names the same thing with another value if `value` is given. */
export function withDuplicateKey(key: string, value?: string): ManifestTransform {
  return text((ini) =>
    ini.replace(lineOf(key), (line) => `${line}\r\n${value === undefined ? line : `${key}=${value}`}`),
  );
}

export function withValue(key: string, value: string): ManifestTransform {
  return text((ini) => ini.replace(lineOf(key), () => `${key}=${value}`));
}

export function withoutKey(key: string): ManifestTransform {
  return text((ini) => ini.replace(new RegExp(`${lineOf(key).source}\\r?\\n`, 'm'), ''));
}

/** Every merge count claims far more increments than are listed. */
export const withAbsurdCounts = text((ini) => ini.replace(/^(.*MergeCount\w*)=\d+/gm, '$1=4294967295'));

/** Lets `P.4` and its legacy twin point at another path; version and size stay. */
export function withVirusPatternPath(path: string): ManifestTransform {
  return text((ini) =>
    ini
      .replace(/^(P\.4=)[^,]*/m, (_, key: string) => key + path)
      .replace(/^(Path_VSAPI=)[^,]*/m, (_, key: string) => key + path),
  );
}

/** Paths that must never leave the mirror's own tree, whatever it does with them, or that no product could fetch from it. */
export const hostilePaths: Readonly<Record<string, string>> = {
  'parent directories': '../../../etc/passwd',
  'parent in the middle': 'pattern/../../outside.zip',
  absolute: '/etc/passwd',
  'drive letter': 'C:\\Windows\\win.ini',
  backslashes: '..\\..\\outside.zip',
  'encoded parents': '%2e%2e/%2e%2e/outside.zip',
  'doubly encoded parents': '%252e%252e/outside.zip',
  'an escape': 'pattern/vsapi%20241.zip',
  'the place of the japan channel': 'Japan/vsapi241.zip',
  'a name that no file system takes': `pattern/${'n'.repeat(252)}`,
  'NUL byte': 'pattern/vsapi\0.zip',
  'another host': 'http://elsewhere.invalid/pattern/vsapi241.zip',
  'another host, without scheme': '//elsewhere.invalid/pattern/vsapi241.zip',
};

/**
 * A manifest that goes on for `bytes`, made while it is read: a prefix that looks right, then entries without end.
 */
export function* hugeManifest(manifest: Buffer, bytes: number): Generator<Buffer, void> {
  yield manifest;
  let sent = manifest.length;
  const line = '; this manifest never seems to end, and no reader should keep all of it in memory\r\n';
  const chunk = Buffer.from(line.repeat(Math.ceil(65_536 / line.length)));
  while (sent < bytes) {
    const part = chunk.subarray(0, Math.min(chunk.length, bytes - sent));
    yield part;
    sent += part.length;
  }
}

function lineOf(key: string): RegExp {
  return new RegExp(`^${key.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}=[^\\r\\n]*`, 'm');
}
