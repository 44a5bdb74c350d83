// What every route of the API answers, as JSON Schema, read from the return types of the controllers: src/server/response-schemas.json.
//   node scripts/response-schemas.mjs [--print]   (part of `npm run docs`; a test compares)
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildGenerator } from 'typescript-json-schema';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const src = join(root, 'src');
// The compiler that the library was made for, not ours.
const ts = createRequire(createRequire(import.meta.url).resolve('typescript-json-schema'))('typescript');
/** Their answers are streams or nothing. */
const NO_BODY = /Not supported: root type undefined/;

/** `Controller_method` of every route, as Nest names its operations. */
function operations() {
  const found = [];
  for (const file of readdirSync(src, { recursive: true })
    .filter((name) => name.endsWith('.controller.ts'))
    .sort()) {
    const tree = ts.createSourceFile(file, readFileSync(join(src, file), 'utf8'), ts.ScriptTarget.ESNext);
    for (const declared of tree.statements.filter(ts.isClassDeclaration))
      for (const member of declared.members.filter(ts.isMethodDeclaration)) {
        const routes = (ts.getDecorators(member) ?? []).some(
          ({ expression }) =>
            ts.isCallExpression(expression) && /^(Get|Post|Put|Patch|Delete)$/.test(expression.expression.text),
        );
        if (routes) found.push({ file, controller: declared.name.text, method: member.name.text });
      }
  }
  return found;
}

/** A program with one more file, that exists only here: it names each answer, so that the library can be asked for it. */
function programWith(text) {
  const path = join(src, 'responses.virtual.ts');
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const { options } = ts.convertCompilerOptionsFromJson({ ...compilerOptions, noEmit: true, types: ['node'] }, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, true) : getSourceFile(name, ...rest);
  return ts.createProgram([path], options, host);
}

/** `import("…/agent.view").AgentView` → `AgentView`. */
const shortName = (name) =>
  name
    .replaceAll(/import\([^)]*\)\)?\./g, '')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replace(/_$/, '');

function responseSchemas() {
  const asked = operations();
  const lines = asked.map(
    ({ file, controller, method }) =>
      `export type ${controller}_${method} = Awaited<ReturnType<import('./${file.replace(/\.ts$/, '.js')}').${controller}['${method}']>>;`,
  );
  const generator = buildGenerator(programWith(lines.join('\n')), {
    required: true,
    strictNullChecks: true,
    ignoreErrors: true,
  });
  const schemas = {};
  const responses = {};
  for (const { controller, method } of asked) {
    const id = `${controller}_${method}`;
    let schema;
    try {
      schema = generator.getSchemaForSymbol(id);
    } catch (fault) {
      if (NO_BODY.test(fault.message)) continue;
      throw fault;
    }
    const { definitions = {}, $schema: _dialect, ...answer } = schema;
    const pointTo = (value) =>
      JSON.parse(JSON.stringify(value), (key, inner) =>
        key === '$ref'
          ? `#/components/schemas/${shortName(decodeURIComponent(inner.slice('#/definitions/'.length)))}`
          : inner,
      );
    for (const [name, definition] of Object.entries(definitions)) {
      const short = shortName(name);
      const text = JSON.stringify(pointTo(definition));
      if (schemas[short] !== undefined && JSON.stringify(schemas[short]) !== text)
        throw new Error(`Two different types are called ${short}.`);
      schemas[short] = JSON.parse(text);
    }
    responses[id] = pointTo(answer);
  }
  // An answer that is a type by itself is written out by the library: pointed to instead.
  const names = new Map(Object.entries(schemas).map(([name, schema]) => [JSON.stringify(schema), name]));
  for (const [id, answer] of Object.entries(responses)) {
    const name = names.get(JSON.stringify(answer));
    if (name !== undefined) responses[id] = { $ref: `#/components/schemas/${name}` };
  }
  return { responses, schemas };
}

const text = `${JSON.stringify(responseSchemas(), null, 2)}\n`;
if (process.argv.includes('--print')) process.stdout.write(text);
else writeFileSync(join(src, 'server', 'response-schemas.json'), text);
