import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

interface Operation {
  operationId: string;
  parameters: { name: string }[];
  responses: Record<string, { content?: Record<string, unknown> }>;
}

describe('docs/openapi.json', () => {
  it('is what the program says of itself; "npm run docs" writes it anew', () => {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const said = execFileSync(process.execPath, [resolve('dist/cli.js'), 'openapi'], { env, maxBuffer: 50_000_000 });
    expect(JSON.parse(readFileSync('docs/openapi.json', 'utf8'))).toEqual(JSON.parse(said.toString()));
  });

  it('tells what every route answers, as the types of the controllers say', () => {
    const said = execFileSync(process.execPath, ['scripts/response-schemas.mjs', '--print'], {
      env: { ...process.env, NODE_OPTIONS: '' },
      maxBuffer: 50_000_000,
    });
    expect(JSON.parse(readFileSync('src/server/response-schemas.json', 'utf8'))).toEqual(JSON.parse(said.toString()));
    const { paths, components } = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));
    const silent = new Set<string>();
    for (const path of Object.values<object>(paths))
      for (const { operationId, responses } of Object.values<Operation>(path as Record<string, Operation>)) {
        expect(responses['default']?.content).toHaveProperty('application/problem+json');
        const success = Object.entries(responses).find(([status]) => status.startsWith('2'));
        if (success?.[0] !== '204' && success?.[1].content === undefined) silent.add(operationId);
      }
    expect([...silent]).toEqual([]);
    expect(components.schemas.ComponentView.properties.updateNeeded).toEqual({ type: 'boolean' });
  });

  it('calls counts integers, and shares numbers', () => {
    const { paths, components } = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));
    const { schemas } = components;
    const limit = paths['/api/v1/audit'].get.parameters.find(({ name }: { name: string }) => name === 'limit');
    expect(limit.schema).toMatchObject({ type: 'integer' });
    expect(schemas.CountsView.properties.successful).toEqual({ type: 'integer' });
    expect(schemas.RingBody.properties.concurrency.type).toEqual(['integer', 'null']);
    expect(schemas.DownloadView.properties.durationSeconds.type).toEqual(['null', 'number']);
    expect(schemas.RingGateBody.properties.successShare.type).toBe('number');
  });

  it('names Idempotency-Key at every POST that takes it', () => {
    const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));
    const without = Object.values<Record<string, Operation>>(paths).flatMap(({ post }) =>
      post === undefined || post.parameters.some(({ name }) => name === 'Idempotency-Key') ? [] : [post.operationId],
    );
    // Answers with tokens are not kept; the others do the same however often they are sent, or nothing at all.
    expect(without.sort()).toEqual([
      'AgentController_approve',
      'AgentController_block',
      'AgentController_register',
      'AgentController_rotate',
      'DeploymentController_preview',
      'EnrolmentController_create',
      'RetentionController_run',
    ]);
  });

  it('describes the whole contract', () => {
    const { openapi, paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));
    expect(openapi).toMatch(/^3\.1\./);
    for (const path of [
      'components',
      'releases',
      'downloads',
      'channels',
      'snapshots',
      'agents',
      'deployments',
      'commands',
      'events',
      'audit',
    ])
      expect(Object.keys(paths)).toContain(`/api/v1/${path}`);
  });
});
