import type { Argument, Command, Option } from 'commander';
import type { TextKey } from '../platform/texts/texts.js';
import { knownWords } from '../platform/texts/known-words.js';
import { say } from './language.js';

const TITLES: Readonly<Record<string, TextKey>> = {
  'Usage:': 'help.title.usage',
  'Arguments:': 'help.title.arguments',
  'Options:': 'help.title.options',
  'Commands:': 'help.title.commands',
};

const wordsOfUsage = knownWords((key) => key.startsWith('usage.'));

/** Lets the library, whose words are English, speak the language of the terminal. */
export function speakItsLanguage(program: Command): Command {
  return (
    program
      .configureHelp({ styleTitle, optionDescription: described, argumentDescription: described })
      .configureOutput({ outputError: (words, write) => write(words.split('\n').map(inItsLanguage).join('\n')) })
      // Not all of the help, which would push away what is wrong.
      .showHelpAfterError(say('usage.hint'))
  );
}

function styleTitle(title: string): string {
  const key = TITLES[title];
  return key === undefined ? title : say(key);
}

/** A description, and in brackets what may be given, and what counts when nothing is. */
function described(given: Option | Argument): string {
  const { description, argChoices, required } = given;
  const defaultValue: unknown = given.defaultValue;
  const more = [
    ...(argChoices === undefined ? [] : [say('help.choices', { choices: argChoices.join(', ') })]),
    ...(defaultValue === undefined || !required ? [] : [say('help.default', { value: defaultValue })]),
  ];
  return more.length === 0 ? description : `${description} (${more.join(', ')})`;
}

/** What the catalogue does not know, such as a reason that is in the language of the terminal already, stays as it is. */
function inItsLanguage(words: string): string {
  const known = wordsOfUsage(words);
  if (known === undefined) return words;
  const { why } = known.values;
  return say(known.key, { ...known.values, ...(why === undefined ? {} : { why: inItsLanguage(why) }) });
}
