/** What is wrong with how a command was typed: the first ones as the library says them (see src/cli/usage.ts). */
export const usageEn = {
  'usage.unknown-option': "error: unknown option '{{option}}'",
  'usage.unknown-command': "error: unknown command '{{command}}'",
  'usage.similar': '(Did you mean {{name}}?)',
  'usage.similar-ones': '(Did you mean one of {{names}}?)',
  'usage.missing-argument': "error: missing required argument '{{argument}}'",
  'usage.missing-value': "error: option '{{option}}' argument missing",
  'usage.too-many':
    "error: too many arguments for '{{command}}'. Expected {{expected}} argument but got {{given}}: {{arguments}}.",
  'usage.too-many-of-several':
    "error: too many arguments for '{{command}}'. Expected {{expected}} arguments but got {{given}}: {{arguments}}.",
  'usage.invalid-option': "error: option '{{option}}' argument '{{value}}' is invalid. {{why}}",
  'usage.invalid-argument': "error: command-argument value '{{value}}' is invalid for argument '{{argument}}'. {{why}}",
  'usage.choices': 'Allowed choices are {{choices}}.',
  'usage.hint': 'The command with --help shows what it takes.',
  'usage.whole-number': 'It must be a whole number.',
  'usage.number': 'It must be a number.',
  'usage.days': 'It must be a number of days above 0, {{most}} at most.',
  'usage.name': 'It must be a name of 1 to 200 characters.',
  'usage.port': 'A port is a number from 0 to 65535.',
  'usage.above-zero': 'It must be above 0 and at most {{most}}.',
  'usage.from-zero': 'It must be from 0 to {{most}}.',
} as const;
