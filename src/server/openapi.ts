import { readFileSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_MEDIA_TYPE } from '../platform/http/problem.js';
import { LANGUAGES } from '../platform/texts/texts.js';
import { VERSION } from '../platform/version.js';

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;
type ParameterObject = Exclude<NonNullable<OperationObject['parameters']>[number], { $ref: string }>;
type ReferenceObject = Extract<NonNullable<OperationObject['parameters']>[number], { $ref: string }>;

export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Haishin')
    .setDescription(
      [
        'Mirrors an ActiveUpdate server, republishes it, deploys it to managed products and tracks every command.',
        '',
        'Roles of tokens: a `viewer` reads; an `operator` also starts and cancels downloads, uploads, rolls back and resumes, ' +
          'pins snapshots, orders and steers deployments and commands; an `administrator` does everything, alone also what ' +
          'answers 403 below: settings, deployment plans, the catalogue of components, the removal of content, managed ' +
          'products, their groups, tokens and enrolment.',
        '',
        '`title` and `detail` of a problem, and what it says of fields, follow `Accept-Language`: `en` (also without one) or `ja`. ' +
          '`code` and the other members are the same in every language; docs/errors.md lists the codes.',
      ].join('\n'),
    )
    .setVersion(VERSION)
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth();
  const document = withAnswers(SwaggerModule.createDocument(app, builder.build()));
  callIntegers(document);
  return document;
}

/** The numbers that may have decimals; all others count something. A type of TypeScript does not say which. */
const FRACTIONS = /^(percent|share|\w+Share|durationSeconds)$/;

/** @param name of the property that a schema is of */
function callIntegers(node: unknown, name = ''): void {
  if (typeof node !== 'object' || node === null) return;
  const schema = node as Record<string, unknown>;
  if (!FRACTIONS.test(name)) {
    if (schema['type'] === 'number') schema['type'] = 'integer';
    else if (Array.isArray(schema['type']))
      schema['type'] = schema['type'].map((type) => (type === 'number' ? 'integer' : (type as unknown)));
  }
  for (const [key, value] of Object.entries(node)) callIntegers(value, OF_THE_SAME.has(key) ? name : key);
}

/** Keywords below which a schema speaks of the same property. */
const OF_THE_SAME = new Set(['anyOf', 'oneOf', 'allOf', 'items', '0', '1', '2', '3']);

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const PROBLEM: Schema = {
  type: 'object',
  description:
    'RFC 9457 problem details; further members tell of the occurrence. `code` is stable; `title` and `detail` are in the language ' +
    'of `Content-Language`.',
  required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    requestId: { type: 'string' },
  },
  additionalProperties: true,
};

const PROBLEM_HEADERS = {
  'Content-Language': {
    description: 'Chosen by `Accept-Language`.',
    schema: { type: 'string' as const, enum: [...LANGUAGES] },
  },
};

/** What routes answer, from `scripts/response-schemas.mjs`: types that exist only for the compiler leave nothing to look at here. */
function withAnswers(document: OpenAPIObject): OpenAPIObject {
  const { responses, schemas } = JSON.parse(
    readFileSync(new URL('./response-schemas.json', import.meta.url), 'utf8'),
  ) as { responses: Record<string, Schema>; schemas: Record<string, Schema> };
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, ...schemas, Problem: PROBLEM },
  };
  const problem = { schema: { $ref: '#/components/schemas/Problem' } };
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path) as OperationObject[]) {
      for (const parameter of operation.parameters ?? []) if (hasDefault(parameter)) parameter.required = false;
      const answer = responses[operation.operationId ?? ''];
      const success = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1];
      if (answer !== undefined && success !== undefined && !('$ref' in success))
        success.content = { 'application/json': { schema: answer } };
      operation.responses['default'] = {
        description: 'Anything that went wrong.',
        headers: PROBLEM_HEADERS,
        content: { [PROBLEM_MEDIA_TYPE]: problem },
      };
    }
  return document;
}

/** The plugin calls every field required that is not marked with a question mark, also where leaving it out means the default. */
function hasDefault(parameter: ReferenceObject | ParameterObject): parameter is ParameterObject {
  const schema = '$ref' in parameter ? undefined : parameter.schema;
  return schema !== undefined && !('$ref' in schema) && schema.default !== undefined;
}

/** `/api/openapi.json` and `/api/docs`, made when somebody asks for the first time: a start does not wait for them. */
export function installOpenApi(app: NestFastifyApplication): void {
  SwaggerModule.setup('api/docs', app, () => describeApi(app), {
    jsonDocumentUrl: 'api/openapi.json',
    customSiteTitle: 'Haishin API',
  });
}
