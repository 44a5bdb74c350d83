import { createHash } from 'node:crypto';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SampleTree } from '../../dist/sample-upstream/sample-tree.js';

const FILE_BYTES = 4096;
const SIGNATURE_BYTES = 256;

/** Bytes that depend on the name alone. */
function bytesOf(name, length) {
  const block = createHash('sha512').update(name).digest();
  return Buffer.alloc(length, block);
}

/**
 * A small sample tree with `extra` small signed product packages more, written to `root`. `publish()` brings out a new virus pattern
 * and leaves everything else as it is.
 */
export async function writeManyFiles(root, extra) {
  const tree = new SampleTree({ scale: 0.001 });
  const packages = Array.from({ length: extra }, (_, i) => ({
    section: `Info_900_10000_1_${i + 1}`,
    name: `tool-${i}`,
  }));
  const write = async () => {
    await tree.materialise(root);
    await mkdir(join(root, 'product', 'bench'), { recursive: true });
    for (const { name } of packages) {
      await writeFile(join(root, 'product', 'bench', `${name}.dat`), bytesOf(name, FILE_BYTES));
      await writeFile(join(root, 'product', 'bench', `${name}.sig`), bytesOf(`${name} sig`, SIGNATURE_BYTES));
    }
    const sections = packages.map(
      ({ section, name }) =>
        `\r\n[${section}]\r\nVersion=1.0\r\nBuild=1\r\nPath=product/bench/${name}.dat,${FILE_BYTES}\r\n`,
    );
    await appendFile(join(root, 'server.ini'), sections.join(''));
  };
  await write();
  return {
    files: tree.files().size - 1 + 2 * extra,
    async publish() {
      tree.publish(['virus-pattern']);
      await write();
    },
  };
}
