import { haishin } from './support/built-command.js';

/** What a command takes and does is the field's words and names; what is said of it is not. */
const JAPANESE = /[\u3040-\u30ff\u4e00-\u9fff]/;

/** Descriptions of options and arguments, one for each, without the columns that they stand in. */
function descriptionsIn(help: string): string[] {
  return [...help.matchAll(/^ {2}(?:-|[a-z])\S*.*? {2,}(\S.*(?:\n {6,}\S.*)*)/gm)].map(
    ([, description]) => description ?? '',
  );
}

describe('on a Japanese terminal', () => {
  it.each([
    ...['serve', 'quickstart', 'download', 'upload', 'status', 'export', 'verify', 'token', 'sample-upstream'],
    ...['fleet', 'openapi', 'command-states', 'token create', 'token list', 'token revoke'],
  ])('the help of %s is Japanese', async (command) => {
    const { stdout } = await haishin([...command.split(' '), '--help'], { LC_ALL: 'ja_JP.UTF-8' });
    const descriptions = descriptionsIn(stdout);
    expect(descriptions.length).toBeGreaterThan(0);
    expect(descriptions.filter((each) => !JAPANESE.test(each))).toEqual([]);
    expect(stdout).not.toMatch(/default:|choices:/);
  });
});
