import { AppError } from '../../platform/errors/app-error.js';

const MAX_LENGTH = 128;

/**
 * The name under which an uploaded file is served: its last segment, with everything that a URL, a line of the manifest or a file
 * system could take for something else made into `_`. Names of real packages (`vsapi241.zip`, `lpt$vpn.241`) stay as they are.
 * @throws AppError `file-name-invalid` when nothing usable is left, or no more than the ending; or for the name of a signature.
 */
export function safeFileName(original: string): string {
  const last = original.split(/[/\\]/).at(-1) ?? '';
  const name = last
    .normalize('NFC')
    .replace(/[^A-Za-z0-9._$+~()-]+/g, '_')
    .replace(/^[._-]+|[._]+$/g, '');
  const isEndingAlone = /^[^A-Za-z0-9.]+\./.test(last);
  const usable = /[A-Za-z0-9]/.test(name) && name.length <= MAX_LENGTH && !isEndingAlone;
  if (usable && !/\.sig$/i.test(name) && name.toLowerCase() !== 'server.ini') return name;
  throw new AppError('bad-input', usable ? 'file-name-invalid.reserved' : 'file-name-invalid.characters', {
    values: { name, limit: MAX_LENGTH },
    details: { fileName: original.slice(0, 255) },
  });
}
