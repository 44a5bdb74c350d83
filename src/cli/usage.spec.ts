import { Command, InvalidArgumentError, Option } from 'commander';
import { speakItsLanguage } from './usage.js';

function refuse(): never {
  throw new InvalidArgumentError('why not');
}

describe('what the library of the command line says', () => {
  const before = { ...process.env };
  afterEach(() => (process.env = before));

  /** A program with one of everything, in a terminal of that language. */
  function programIn(locale: string, said: string[] = []): Command {
    process.env['LC_ALL'] = locale;
    const program = speakItsLanguage(new Command('haishin'))
      .configureOutput({ writeErr: (words) => said.push(words) })
      .exitOverride();
    program
      .command('status')
      .description('where things stand')
      .argument('<file>', 'a file')
      .argument('[number]', 'a number', refuse)
      .option('--days <days>', 'so many', refuse, 7)
      .addOption(new Option('--role <role>', 'may do').choices(['viewer', 'operator']));
    program.command('start').argument('[one]');
    program.command('stop');
    program.command('step').option('--json').option('--yaml');
    return program;
  }

  /** The lines that wrong words are answered with. */
  function answerTo(locale: string, words: string[]): string[] {
    const said: string[] = [];
    expect(() => programIn(locale, said).parse(words, { from: 'user' })).toThrow();
    return said.join('').trimEnd().split('\n');
  }

  const HINT = ['指定できるものは --help で確認できます。', 'The command with --help shows what it takes.'];

  it.each<[string[], string[]]>([
    [['statsu'], ['エラー: コマンド statsu はありません', '(もしかして: status)']],
    [['stxp'], ['エラー: コマンド stxp はありません', '(もしかして: step, stop)']],
    [
      ['step', '--jsn'],
      ['エラー: オプション --jsn はありません', '(もしかして: --json)'],
    ],
    [['step', '--what'], ['エラー: オプション --what はありません']],
    [['status'], ['エラー: 引数 file を指定してください']],
    [['status', 'x', '--days'], ['エラー: オプション --days <days> には値が必要です']],
    [['start', 'a', 'b'], ['エラー: start の引数が多すぎます。指定できるのは 1 個ですが、2 個あります: a, b']],
    [['stop', 'a'], ['エラー: stop の引数が多すぎます。指定できるのは 0 個ですが、1 個あります: a']],
    [['status', 'x', '--days', '0'], ['エラー: オプション --days <days> に「0」は指定できません。why not']],
    [['status', 'x', 'y'], ['エラー: 引数 number に「y」は指定できません。why not']],
    [
      ['status', 'x', '--role', 'boss'],
      ['エラー: オプション --role <role> に「boss」は指定できません。次のいずれかを指定してください: viewer, operator'],
    ],
  ])('%j', (words, japanese) => {
    expect(answerTo('ja_JP.UTF-8', words)).toEqual([...japanese, HINT[0]]);
    const english = answerTo('C', words);
    expect(english[0]).toMatch(/^error: [ -~]+$/);
    expect(english.at(-1)).toBe(HINT[1]);
  });

  it('is said of options and arguments too', () => {
    const help = (locale: string): string =>
      programIn(locale)
        .commands.find((command) => command.name() === 'status')!
        .helpInformation();
    expect(help('ja_JP.UTF-8')).toMatch(
      /--days <days> +so many \(既定値: 7\)\n +--role <role> +may do \(選択肢: viewer, operator\)/,
    );
    expect(help('C')).toMatch(
      /--days <days> +so many \(default: 7\)\n +--role <role> +may do \(one of: viewer, operator\)/,
    );
  });
});
