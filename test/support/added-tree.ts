import { literalFile } from '../../src/sample-upstream/sample-file.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';

/** A source that has entries beside the usual ones, and files that the manifest need not name. */
export class AddedTree extends SampleTree {
  readonly added = new Map<string, string>();

  override find(path: string): ReturnType<SampleTree['find']> {
    const content = this.added.get(path);
    return content === undefined ? super.find(path) : literalFile(path, Buffer.from(content), new Date(0));
  }
}
