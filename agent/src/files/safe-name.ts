import { AgentError } from '../errors/agent-error.js';

const COMPONENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const FORBIDDEN_IN_FILE_NAME = /[/\\\u0000-\u001f\u007f]/;
const MAX_FILE_NAME_BYTES = 255;

/** A component id from the server, fit to be a directory name. @throws AgentError rejected/component-name-unsafe */
export function safeComponent(id: string): string {
  if (COMPONENT.test(id)) return id;
  throw new AgentError(
    'rejected',
    'component-name-unsafe',
    `not a usable component id: ${JSON.stringify(id.slice(0, 120))}`,
  );
}

/** A file name from the server: one path segment, not hidden. @throws AgentError rejected/file-name-unsafe */
export function safeFileName(name: string): string {
  const usable =
    name !== '' &&
    !name.startsWith('.') &&
    !FORBIDDEN_IN_FILE_NAME.test(name) &&
    Buffer.byteLength(name) <= MAX_FILE_NAME_BYTES;
  if (usable) return name;
  throw new AgentError('rejected', 'file-name-unsafe', `not a usable file name: ${JSON.stringify(name.slice(0, 120))}`);
}

/** A version as a directory name; different versions never share one. */
export function versionDirectory(version: string): string {
  const encoded = encodeURIComponent(version).replace(/^\./, '%2E').replaceAll('~', '%7E');
  if (version !== '' && encoded.length <= 200) return encoded;
  throw new AgentError('rejected', 'version-unsafe', `not a usable version: ${JSON.stringify(version.slice(0, 120))}`);
}
