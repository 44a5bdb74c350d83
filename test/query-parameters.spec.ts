import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { getMetadataStorage } from 'class-validator';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: { default?: unknown };
}

type Controller = new () => object;

/** Operation → names of the query parameters that it checks, as the decorators of the controllers and their queries say. */
async function checkedParameters(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const src = resolve('src');
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.controller.ts')) continue;
    const exported = (await import(pathToFileURL(resolve(src, file)).href)) as Record<string, Controller>;
    for (const controller of Object.values(exported))
      if (typeof controller === 'function' && Reflect.hasMetadata(PATH_METADATA, controller))
        for (const method of Object.getOwnPropertyNames(controller.prototype)) {
          const query = queryOf(controller, method);
          if (query !== null) found.set(`${controller.name}_${method}`, query);
        }
  }
  return found;
}

function queryOf(controller: Controller, method: string): string[] | null {
  const args = Object.keys((Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as object);
  const query = args.map((key) => key.split(':')).find(([kind]) => Number(kind) === Number(RouteParamtypes.QUERY));
  if (query === undefined) return null;
  const types = Reflect.getMetadata('design:paramtypes', controller.prototype as object, method) as Controller[];
  const type = types[Number(query[1])];
  if (type === undefined) throw new Error(`${controller.name}.${method} takes a query of no class`);
  const checks = getMetadataStorage().getTargetValidationMetadatas(type, '', true, false);
  return [...new Set(checks.map(({ propertyName }) => propertyName))].sort();
}

it('the document of the API has every parameter that a query may have, and calls none required that has a default', async () => {
  const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
    paths: Record<string, Record<string, { operationId: string; parameters?: Parameter[] }>>;
  };
  const told = new Map<string, string[]>();
  for (const path of Object.values(paths))
    for (const { operationId, parameters = [] } of Object.values(path)) {
      const query = parameters.filter((parameter) => parameter.in === 'query');
      if (query.length > 0) told.set(operationId, query.map(({ name }) => name).sort());
      expect(query.filter(({ required, schema }) => required === true && schema.default !== undefined)).toEqual([]);
    }
  const checked = await checkedParameters();
  expect(checked.get('CommandController_list')).toEqual(expect.arrayContaining(['limit', 'cursor', 'type']));
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(checked));
});
