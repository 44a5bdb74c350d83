import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StubComponent } from './support/ddi-messages.js';
import { DdiStub, publish } from './support/ddi-stub.js';
import { Sandbox } from './support/sandbox.js';
import { uniqueContent } from './support/served-file.js';

/** More kill points than any update has; a run that ends by itself ends the series. */
const MORE_THAN_ENOUGH = 60;

let stub: DdiStub;

beforeEach(async () => {
  stub = await new DdiStub().start();
});
afterEach(async () => {
  await stub.stop();
});

function release(version: string): StubComponent[] {
  return [
    { component: 'virus-pattern', version, files: [{ name: 'vsapi.zip', content: uniqueContent(2000) }] },
    {
      component: 'virus-scan-engine',
      version,
      files: [
        { name: 'engine.zip', content: uniqueContent(1500) },
        { name: 'engine.sig', content: uniqueContent(100) },
      ],
    },
  ];
}

/** Every component is one whole release: all of its files, byte for byte. */
function expectWhole(box: Sandbox, releases: readonly (readonly StubComponent[])[]): void {
  for (const { component } of releases[0] ?? []) {
    const version = box.current(component);
    if (version === null) continue;
    const one = releases.flat().find((candidate) => candidate.component === component && candidate.version === version);
    expect(one).toBeDefined();
    for (const file of one?.files ?? []) expect(box.content(component, file.name).equals(file.content)).toBe(true);
  }
}

function expectTidy(box: Sandbox): void {
  expect(existsSync(join(box.stateDirectory, 'journal.json'))).toBe(false);
  for (const component of readdirSync(box.productDirectory)) {
    const generations = box.generations(component);
    expect(generations.filter((name) => name.startsWith('.'))).toEqual([]);
    expect(generations.length).toBeLessThanOrEqual(2);
    expect(readdirSync(join(box.productDirectory, component)).sort()).toEqual(['current', 'versions']);
  }
}

/** Kills at every step in turn, each on a fresh host; `after` looks at the host and brings it back. */
async function atEveryStep(
  prepare: (box: Sandbox) => Promise<string[]>,
  after: (box: Sandbox, step: string) => Promise<void>,
): Promise<string[]> {
  const steps: string[] = [];
  for (let count = 1; count < MORE_THAN_ENOUGH; count += 1) {
    const box = new Sandbox();
    try {
      const words = await prepare(box);
      const ended = await box.run(words, { killAtStep: count });
      if (ended.signal !== 'SIGKILL') return steps;
      const step = /"step":"([^"]+)"/.exec(ended.stderr)?.[1] ?? 'unknown';
      steps.push(step);
      await after(box, step);
    } finally {
      await box.dispose();
    }
  }
  throw new Error('the series of kills has no end');
}

it('at any step of a first installation and of an update leaves whole releases, and the next start ends it', async () => {
  for (const kind of ['first', 'update']) {
    const [old, fresh] = [release('1'), release('2')];
    let action = stub.deploy([], { state: 'succeeded' });
    const steps = await atEveryStep(
      async (box) => {
        box.configure(stub.url);
        if (kind === 'update') {
          action = stub.deploy(old);
          await box.run(['once']);
        }
        action = stub.deploy(fresh);
        return ['once'];
      },
      async (box) => {
        expectWhole(box, [old, fresh]);
        expect(await box.run(['once'])).toMatchObject({ code: 0 });
        // A recovery that finished under the lock is reported by the same contact or the next one.
        if (action.state === 'open') await box.run(['once']);
        expect(action.state).toBe('succeeded');
        expect(action.feedback.filter((one) => one.execution === 'closed')).toHaveLength(1);
        expect(box.current('virus-pattern')).toBe('2');
        expect(box.current('virus-scan-engine')).toBe('2');
        expectWhole(box, [old, fresh]);
        expectTidy(box);
        expect(box.generations('virus-pattern')).toEqual(kind === 'update' ? ['1', '2'] : ['2']);
        expect(box.hookCalls().slice(-2)).toEqual([
          'scan install virus-pattern virus-scan-engine',
          'policy install virus-pattern virus-scan-engine',
        ]);
      },
    );
    expect(new Set(steps)).toEqual(
      new Set([
        'journal-written',
        'file-staged',
        'generation-staged',
        'generation-published',
        'before-flip',
        'pointer-prepared',
        'flipped',
        'all-flipped',
        'restart-due',
        'restarted',
        'settling',
        'pruned',
        'recorded',
        'journal-removed',
      ]),
    );
  }
}, 600_000);

it('at any step of going back after a failed restart leaves the old release, and the failure is reported', async () => {
  const [old, fresh] = [release('1'), release('2')];
  let action = stub.deploy([], { state: 'succeeded' });
  const steps = await atEveryStep(
    async (box) => {
      box.configure(stub.url);
      stub.deploy(old);
      await box.run(['once']);
      box.configure(stub.url, {
        hooks: { policyService: box.hook('policy', '[ "$HAISHIN_CAUSE" = revert ] || exit 9') },
      });
      action = stub.deploy(fresh);
      return ['once'];
    },
    async (box) => {
      expectWhole(box, [old, fresh]);
      await box.run(['once']);
      if (action.state === 'open') await box.run(['once']);
      expect(action.state).toBe('failed');
      expect(action.feedback.at(-1)?.details[0]).toContain('restart-failed');
      expect(box.current('virus-pattern')).toBe('1');
      expect(box.current('virus-scan-engine')).toBe('1');
      expectWhole(box, [old]);
      expectTidy(box);
      expect(box.generations('virus-pattern')).toEqual(['1']);
    },
  );
  expect(steps).toEqual(expect.arrayContaining(['revert-due', 'pointer-reverted', 'reverted']));
}, 600_000);

it('at any step of a rollback leaves one release in force, and a repeated command goes back only once', async () => {
  const [old, fresh] = [release('1'), release('2')];
  let command = stub.command('none');
  command.open = false;
  await atEveryStep(
    async (box) => {
      box.configure(stub.url);
      for (const one of [old, fresh]) {
        stub.deploy(one);
        await box.run(['once']);
      }
      command = stub.command('rollback', { component: 'virus-pattern' });
      return ['once'];
    },
    async (box) => {
      expectWhole(box, [old, fresh]);
      await box.run(['once']);
      if (command.open) await box.run(['once']);
      const closed = command.feedback.filter((one) => one.execution === 'closed');
      expect(closed).toMatchObject([{ finished: 'success' }]);
      expect(box.current('virus-pattern')).toBe('1');
      expect(box.generations('virus-pattern')).toEqual(['1']);
      expectTidy(box);
    },
  );
}, 600_000);

it('during an own update is reported as one event, once', async () => {
  const content = uniqueContent(900);
  publish(stub, { 'P.4': { path: 'pattern/vsapi.zip', version: '1724100', content } });
  const own = { updateSource: { url: '', entries: { 'virus-pattern': { entry: 'P.4', numbering: 'vsapi' } } } };
  own.updateSource.url = `${stub.url}/activeupdate`;
  await atEveryStep(
    (box) => {
      stub.events.length = 0;
      box.configure(stub.url, own);
      return Promise.resolve(['update']);
    },
    async (box) => {
      await box.run(['update']);
      const done = stub.events.filter((one) => one['outcome'] === 'succeeded');
      expect(done).toMatchObject([{ component: 'virus-pattern', trigger: 'manual', version: '1724100', code: 0 }]);
      expect(box.content('virus-pattern', 'vsapi.zip').equals(content)).toBe(true);
      expectTidy(box);
    },
  );
}, 600_000);

it.each([
  ['cut off', (text: string) => text.slice(0, text.length / 2)],
  ['all zeros', (text: string) => '\0'.repeat(text.length)],
  ['of another version', (text: string) => text.replace('"formatVersion":1', '"formatVersion":2')],
])('that leaves a journal which is %s stops no further update', async (_case, damage) => {
  const box = new Sandbox();
  try {
    box.configure(stub.url);
    const [old, fresh] = [release('1'), release('2')];
    stub.deploy(old);
    await box.run(['once']);
    const action = stub.deploy(fresh);
    // In the middle of the second component's files.
    expect(await box.run(['once'], { killAtStep: 6 })).toMatchObject({ signal: 'SIGKILL' });
    const path = join(box.stateDirectory, 'journal.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, damage(text));
    expect(await box.run(['once'])).toMatchObject({ code: 0 });
    expect(action.state).toBe('succeeded');
    expect(JSON.stringify(action.feedback)).toContain('journal of an interrupted update was damaged');
    for (const { component, files } of fresh)
      for (const { name, content } of files) expect(box.content(component, name).equals(content)).toBe(true);
    expectTidy(box);
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe(damage(text));
    // The services read what was found before anything else was changed.
    expect(box.hookCalls().at(2)).toBe('scan install virus-pattern virus-scan-engine');
  } finally {
    await box.dispose();
  }
});

it('leaves a readable state file', async () => {
  const box = new Sandbox();
  try {
    box.configure(stub.url);
    stub.deploy(release('1'));
    await box.run(['once'], { killAtStep: 3 });
    expect(JSON.parse(readFileSync(join(box.stateDirectory, 'state.json'), 'utf8'))).toMatchObject({
      formatVersion: 1,
    });
  } finally {
    await box.dispose();
  }
});
