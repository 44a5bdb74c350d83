import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

/** A ZIP container with one stored member of so many bytes. */
export async function zipOf(size: number, fill = 'x'): Promise<Buffer> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.alloc(size, fill), 'member.bin', { compress: false });
  zip.end();
  return buffer(zip.outputStream);
}
