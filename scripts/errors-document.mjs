// docs/errors.md: every code that there is, where it is answered or printed, and its sentences.
//   node scripts/errors-document.mjs [--print]   (part of `npm run docs`; a test compares)
// The sentences are those of the catalogue; with which status a code is answered is read from where the errors are made. What a
// sentence is not given there ends this with the place.
import { writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
  ts.sys,
  root,
);
const program = ts.createProgram(fileNames, options);
const checker = program.getTypeChecker();
/** Their errors end a command or the start of the server; an answer of the server they are not. */
const OF_COMMANDS =
  /^src\/(cli|config|fleet|sample-upstream|database\/embedded|database\/migrat|mirror\/export|mirror\/store\/one-file|platform\/(files|tls|http\/listeners)|server\/(database|embedded))/;

/** More than this: whichever code it is, such as that of a status of the framework. */
const MOST_AT_ONE_PLACE = 12;

const sources = program
  .getSourceFiles()
  .map((tree) => ({ tree, path: relative(root, tree.fileName).replaceAll('\\', '/') }))
  .filter(({ path }) => path.startsWith('src/') && !path.endsWith('.spec.ts'));

/** What a constant says, by its keys; its values are literal types. */
function literals(path, name) {
  const { tree } = sources.find((source) => source.path === path);
  let found;
  ts.forEachChild(tree, function visit(node) {
    if (ts.isVariableDeclaration(node) && node.name.text === name) found = checker.getTypeAtLocation(node.name);
    else ts.forEachChild(node, visit);
  });
  return Object.fromEntries(
    checker.getPropertiesOfType(found).map((property) => [property.name, checker.getTypeOfSymbol(property).value]),
  );
}

/** The words that a type allows; null when it allows any. */
function wordsOf(type) {
  const parts = type.isUnion() ? type.types : [type];
  const words = parts.map((part) => (part.isStringLiteral() ? part.value : null));
  return words.includes(null) ? null : words;
}

const propertyOf = (type, name) => {
  const property = type && checker.getPropertyOfType(type, name);
  return property && checker.getTypeOfSymbol(property);
};

/** Names that an object has; null when it may have any. */
function namesOf(type) {
  if (type === undefined) return [];
  if (type.getCallSignatures().length > 0 || checker.getIndexInfosOfType(type).length > 0) return null;
  return checker.getPropertiesOfType(type).map(({ name }) => name);
}

const en = literals('src/platform/texts/texts.en.ts', 'en');
const ja = literals('src/platform/texts/texts.ja.ts', 'ja');
const statuses = literals('src/platform/http/problem.ts', 'STATUS');
const codeOf = (text) => text.split('.')[0];
/** By sentence: the statuses with which it is answered, `exit 1` where it ends a command. */
const told = new Map();
const tell = (text, status) => told.set(text, (told.get(text) ?? new Set()).add(status));

/** Whether something is spread into the values that may have any names; the type of the whole does not show it. */
function spreadsAny(node) {
  if (ts.isSpreadAssignment(node)) return namesOf(checker.getTypeAtLocation(node.expression)) === null;
  return ts.forEachChild(node, spreadsAny) ?? false;
}

function requireValues(texts, given, node) {
  if (given.includes(null) || spreadsAny(node) || texts.length > MOST_AT_ONE_PLACE) return;
  for (const text of texts)
    for (const [, name] of (en[`error.${text}`] ?? '').matchAll(/\{\{(\w+)\}\}/g))
      if (!given.flat().includes(name)) {
        const tree = node.getSourceFile();
        const { line } = tree.getLineAndCharacterOfPosition(node.getStart());
        throw new Error(`${relative(root, tree.fileName)}:${line + 1}: ${text} is not given its {{${name}}}.`);
      }
}

function look(node, path) {
  ts.forEachChild(node, (child) => look(child, path));
  const name = (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText();
  const types = (node.arguments ?? []).map((argument) => checker.getTypeAtLocation(argument));
  if (name === 'AppError') {
    const [kind, said, facts] = types;
    const texts = wordsOf(said) ?? wordsOf(propertyOf(said, 'code') ?? said);
    const kinds = wordsOf(kind);
    if (texts === null) return;
    if (wordsOf(said) !== null)
      requireValues(texts, [namesOf(propertyOf(facts, 'details')), namesOf(propertyOf(facts, 'values'))], node);
    for (const text of texts)
      if (OF_COMMANDS.test(path)) tell(text, 'exit 1');
      else if (kinds !== null && kinds.length < 3) for (const each of kinds) tell(text, statuses[each]);
  }
  const texts = types[0] && wordsOf(types[0]);
  if (name === 'say' && texts?.length === 1 && texts[0].startsWith('error.'))
    tell(texts[0].slice('error.'.length), 'exit 1');
  if (!texts?.every((text) => `error.${text}` in en)) return;
  if (name === 'fault' && path.startsWith('src/mirror/upstream/'))
    requireValues(texts, [namesOf(types[1]), namesOf(propertyOf(types[2], 'values'))], node);
  if (name === 'saying') requireValues(texts, [namesOf(types[1])], node);
}

/** What the framework throws is told by its status. */
function lookAtFramework() {
  const { tree } = sources.find(({ path }) => path === 'src/platform/http/problem.filter.ts');
  for (const [, status, code] of tree.text.matchAll(/^ {2}(\d{3}): \['[\w-]+', '([\w-]+)'\],$/gm))
    tell(code, Number(status));
}

for (const { tree, path } of sources) look(tree, path);
lookAtFramework();

const cell = (text) =>
  text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll(/\{\{(\w+)\}\}/g, '*$1*');
const texts = Object.keys(en)
  .filter((key) => key.startsWith('error.'))
  .map((key) => ({ code: codeOf(key.slice('error.'.length)), text: key.slice('error.'.length), key }))
  .sort((a, b) => (`${a.code} ${a.text}` < `${b.code} ${b.text}` ? -1 : 1));
const rows = texts.map(({ code, text, key }) => {
  const where = [...(told.get(text) ?? ['record'])].sort().join(', ');
  return `| \`${code}\` | ${where} | ${cell(en[key])} | ${cell(ja[key])} |`;
});
const document = `# Codes of errors

Made by \`npm run docs\` from the catalogue of texts (\`src/platform/texts/\`) and from where errors are made; do not edit it.

\`code\` never changes its meaning. The sentences are for people: the API answers in the language of \`Accept-Language\` (\`en\`, \`ja\`), the
command line in that of the terminal, and records have both. Words in *italics* are filled in. \`exit 1\`: a command, or the start of the server, ends with it;
\`record\`: stands in records (of downloads, of components), in lists of faults and in \`GET /readyz\` only.

コードの意味は変わりません。文は人のためのものです。API は \`Accept-Language\` の言語 (\`en\`、\`ja\`)、コマンドラインは端末の言語で表示し、
記録には両方の言語で残ります。*斜体*の語には値が入ります。\`exit 1\` はコマンドまたはサーバの起動の失敗、\`record\` はダウンロードやコンポーネントの記録、誤りの一覧、\`GET /readyz\` にのみ
現れることを示します。

| Code | Status | English | 日本語 |
|---|---|---|---|
${rows.join('\n')}
`;
if (process.argv.includes('--print')) process.stdout.write(document);
else writeFileSync(join(root, 'docs', 'errors.md'), document);
