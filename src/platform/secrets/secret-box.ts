import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors/app-error.js';
import { syncDirectory } from '../files/durable-directory.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** How a secret is shown; sent back unchanged it means "as before". */
export const MASK = '********';

/** Encrypts what must be kept but not read: passwords of proxies and the like (AES-256-GCM, key in a file of its own). */
export class SecretBox {
  private constructor(private readonly key: Buffer) {}

  /** Reads the key file, or makes it once (mode 0600). */
  static async open(keyFile: string): Promise<SecretBox> {
    const key = (await readKey(keyFile)) ?? (await makeKey(keyFile));
    if (key.length !== KEY_BYTES)
      throw new AppError('internal', 'secret-key-damaged', { values: { keyFile, keyBytes: KEY_BYTES } });
    return new SecretBox(key);
  }

  seal(secret: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce);
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
  }

  /** @throws AppError `secret-unreadable` when it was sealed with another key. */
  unseal(text: string): string {
    const bytes = Buffer.from(text, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString(
        'utf8',
      );
    } catch (cause) {
      throw new AppError('internal', 'secret-unreadable', { cause });
    }
  }
}

function isFault(fault: unknown, code: string): boolean {
  return (fault as NodeJS.ErrnoException).code === code;
}

async function readKey(keyFile: string): Promise<Buffer | null> {
  try {
    return await readFile(keyFile);
  } catch (fault) {
    if (isFault(fault, 'ENOENT')) return null;
    throw fault;
  }
}

/** Its name stands for a whole key or for none, however a start ends; who comes second gets the key of the first. */
async function makeKey(keyFile: string): Promise<Buffer> {
  const directory = dirname(keyFile);
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncDirectory(dirname(made));
  const temporary = `${keyFile}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(temporary, randomBytes(KEY_BYTES), { flag: 'wx', mode: 0o600, flush: true });
    await link(temporary, keyFile);
  } catch (fault) {
    if (!isFault(fault, 'EEXIST')) throw fault;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(directory);
  return readFile(keyFile);
}
