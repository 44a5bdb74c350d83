import type { ApiAnswer, TestHaishin } from './haishin.js';

export interface UploadParts {
  file?: { name: string; content: Buffer | string };
  signature?: Buffer | string;
  version?: string;
  [other: string]: unknown;
}

/** Uploads as a browser's form does. */
export function uploadTo(
  haishin: TestHaishin,
  component: string,
  parts: UploadParts,
  query = '',
  headers: Record<string, string> = {},
): Promise<ApiAnswer> {
  const form = new FormData();
  const { file, signature, ...fields } = parts;
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  if (file !== undefined) form.append('file', new Blob([new Uint8Array(Buffer.from(file.content))]), file.name);
  if (signature !== undefined) form.append('signature', new Blob([new Uint8Array(Buffer.from(signature))]), 'x.sig');
  return haishin.api.call('POST', `/api/v1/components/${component}/releases${query}`, form, headers);
}

/** What the log says of the upload that came last. */
export async function newestUpload(haishin: TestHaishin): Promise<ApiAnswer['body']> {
  return (await haishin.api.get('/api/v1/events?trigger=upload&limit=1')).body.items[0];
}
