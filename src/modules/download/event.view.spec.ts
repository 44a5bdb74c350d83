import type { Component } from '../../mirror/catalogue/component.entity.js';
import { AppError } from '../../platform/errors/app-error.js';
import { failureEvent } from './download-outcome.js';
import { eventView, type EventView } from './event.view.js';
import type { UpdateEvent } from './update-event.entity.js';

const engine = { id: 'e', nameJa: 'エンジン', nameEn: 'Engine', numbering: 'engine' } as Component;

function told(change: Partial<UpdateEvent>, component?: Component): EventView['text'] {
  const event: UpdateEvent = {
    id: '1',
    at: new Date(0),
    trigger: 'schedule',
    componentId: null,
    outcome: 'failed',
    version: null,
    versionBefore: null,
    actor: 'schedule',
    downloadId: null,
    releaseId: null,
    code: 'upstream-tls',
    params: {},
    ...change,
  };
  return eventView(event, component).text;
}

describe('the text of a failure', () => {
  const failed = (error: AppError): EventView['text'] =>
    told(failureEvent('d', { trigger: 'manual', startedBy: 'somebody' }, error));

  it('of a source says what stays, what the server does next, and what a person can do', () => {
    const { en, ja } = failed(new AppError('upstream', 'upstream-http-status', { details: { status: 418 } }));
    expect(en).toMatch(
      /^Manual update: the update source could not be read \(upstream-http-status: [^)]* status 418\)\. Everything that is published stays in force\. The server tries again at the next scheduled time, if the schedule is on; .*check the source/,
    );
    expect(ja).toMatch(
      /^手動アップデート: アップデート元を読み取れませんでした \(upstream-http-status: アップデート元がステータス 418 を返しました\)。公開済みの内容はすべて.*次の予約時刻/,
    );
    expect(failed(new AppError('upstream', 'manifest-not-ini')).en).toContain('source could not be read');
    // Lines that were written before the kind was recorded.
    expect(told({ params: { message: 'Not trusted.' } }).en).toContain(
      'could not be read (upstream-tls: Not trusted). ',
    );
    expect(told({ params: {} }).en).toContain('could not be read (upstream-tls). ');
  });

  it('in a pause says until when', () => {
    const until = '2026-03-02T00:05:00.000Z';
    const { en, ja } = failed(new AppError('conflict', 'upstream-cooling-down', { details: { until } }));
    expect(en).toContain('(upstream-cooling-down)');
    expect(en).toContain(`left alone until ${until}. Everything that is published stays in force.`);
    expect(ja).toContain(`${until} まで`);
  });

  it('of ours does not blame the source', () => {
    const { en, ja } = failed(new AppError('storage', 'disk-full'));
    expect(en).toMatch(
      /^Manual update: it could not be carried out \(disk-full: The disk is full: nothing more can be stored\)\. Everything that is published stays/,
    );
    expect(ja).not.toContain('アップデート元');
  });

  it('of an entry or a component of which no version is known claims none', () => {
    const entry = told({ componentId: 'Info_X', code: 'section-doubled' });
    expect(entry.en).toMatch(/^Scheduled update: the manifest entry Info_X, .*What is published of it stays in force/);
    // Nor that there is none: the japan channel may have one, or a snapshot that a restored database does not know.
    const first = told({ componentId: 'e', code: 'zip-corrupt' }, engine);
    expect(first.en).toMatch(
      /^Scheduled update: Engine could not be updated .*\. Everything that is published stays in force;/,
    );
    expect(first.ja).toMatch(
      /^予約アップデート: エンジン を更新できません.*公開済みの内容はすべてそのまま配信を続けます。/,
    );
    for (const text of [...Object.values(entry), ...Object.values(first)])
      expect(text).not.toMatch(/no version stays|バージョンなし/);
  });
});

describe('the text of an update', () => {
  const pattern = { id: 'p', nameJa: 'パターン', nameEn: 'Pattern', numbering: 'vsapi' } as Component;
  const updated = (version: string, versionBefore: string | null): EventView['text'] =>
    told({ componentId: 'p', outcome: 'updated', code: null, version, versionBefore }, pattern);

  it('names the channel that it is of, where each has sources of its own', () => {
    const change = { componentId: 'p', outcome: 'updated', code: null, version: '1724280' } as const;
    const { en, ja } = told({ ...change, params: { channel: 'japan' } }, pattern);
    expect(en).toBe('Scheduled update: Pattern (japan channel) 17.242.80 was downloaded and published.');
    expect(ja).toContain('パターン (japan チャネル) 17.242.80');
    expect(told({ ...change, params: {} }, pattern).en).not.toContain('channel');
  });

  it('says when it is older than what was in force', () => {
    const { en, ja } = updated('1728500', '1729000');
    expect(en).toMatch(
      /^Scheduled update: Pattern 17\.285\.00 .*It is older than 17\.290\.00, which was in force before/,
    );
    expect(ja).toContain('それまで配信していた 17.290.00 より古いバージョン');
  });

  it.each([
    ['1729000', '1728500'],
    ['1729000', null],
    // Another variant is not another age.
    ['1729000', '1729080'],
  ])('says nothing of it for %s after %s', (version, before) => {
    expect(updated(version, before).en).toBe('Scheduled update: Pattern 17.290.00 was downloaded and published.');
  });
});

describe('the text of a deployment', () => {
  const params = { deploymentId: 'd-1', ring: 1, name: 'pilot' };
  it('says which one it is', () => {
    const paused = told({ trigger: 'deployment', outcome: 'paused', code: 'too-many-failures', params });
    expect(paused.en).toMatch(/^Deployment d-1 paused itself in ring pilot \(too-many-failures\)\./);
    expect(paused.ja).toContain('配信 d-1 がリング pilot で');
    const waiting = told({ trigger: 'deployment', outcome: 'awaiting-approval', code: null, params });
    expect(waiting.en).toBe('Deployment d-1 waits for an approval of ring pilot.');
  });
});

describe('the text of what a product did by itself', () => {
  const own = (change: Partial<UpdateEvent>): string =>
    told({ trigger: 'product-schedule', actor: 'mx1', componentId: 'e', code: null, ...change }, engine).en;

  it.each([
    ['product-schedule', 'updated', 'mx1: Engine was updated by its own schedule.'],
    ['product-manual', 'updated', 'mx1: Engine was updated by hand at the product.'],
    ['product-manual', 'unchanged', 'mx1: Engine was current already.'],
    ['product-rollback', 'updated', 'mx1: Engine was rolled back at the product.'],
  ] as const)('%s, %s: names no version where the product named none', (trigger, outcome, text) => {
    expect(own({ trigger, outcome })).toBe(text);
  });

  it('has what the product says of a failure', () => {
    const text = (reason: string): string => `mx1: Engine could not be updated by its own schedule (${reason}).`;
    expect(own({ code: 'failed', params: { message: 'no space' } })).toBe(text('no space'));
    expect(own({ code: '28', params: { message: 'no space' } })).toBe(text('28: no space'));
    expect(own({ code: 'failed', params: { message: null } })).toBe(text('failed'));
  });
});
