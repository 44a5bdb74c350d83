import type { Component } from '../../mirror/catalogue/component.entity.js';
import { compareVersions, displayVersion } from '../../mirror/manifest/version.js';
import { isTextKey, text, texts, type Language, type Sentence, type TextKey } from '../../platform/texts/texts.js';
import { INTERRUPTED } from './download-outcome.js';
import type { UpdateEvent } from './update-event.entity.js';

export interface EventView {
  id: string;
  at: string;
  trigger: string;
  component: string | null;
  outcome: string;
  version: string | null;
  versionBefore: string | null;
  actor: string;
  downloadId: string | null;
  /** The deployment that paused or waits. */
  deploymentId: string | null;
  code: string | null;
  text: Record<Language, string>;
}

function shown(component: Component | undefined, raw: string | null): string | null {
  return raw === null ? null : displayVersion(raw, component?.numbering ?? 'integer');
}

/** What `params` say. */
interface RunFacts {
  /** What a product says of its own failure, or the server of its, in English. */
  message?: string | null;
  /** Of the server's. */
  text?: Sentence;
  deploymentId?: string;
  /** Number of a ring, from 0, and its name. */
  ring?: number;
  name?: string;
  /** Lost content was fetched again. */
  restored?: true;
  /** Kind of the error. */
  kind?: string;
  /** Of whose own sources it is told, when each channel has its own. */
  channel?: string;
  /** End of a pause, ISO 8601. */
  until?: string;
  /** Address of a source that another one stood in for. */
  passedOver?: string;
  /** Only for what it could not deliver. */
  inPart?: true;
  /** Updates of its own that are kept of a product and day. */
  most?: number;
}

/** A vendor takes a pattern back, or a source that is asked in place of another lags behind. */
function isOlder({ version, versionBefore }: UpdateEvent, component: Component | undefined): boolean {
  if (component === undefined || version === null || versionBefore === null) return false;
  return compareVersions(version, versionBefore, component.numbering) < 0;
}

/** Which text tells it, when trigger and outcome alone do not: a source, an entry and the server itself have no version. */
function specialKey(event: UpdateEvent, component: Component | undefined): TextKey | null {
  if (event.code === 'reports-dropped') return 'event.product-reports-dropped';
  if (event.trigger === 'resume') return event.version === null ? null : 'event.resume.versioned';
  if (event.trigger !== 'schedule' && event.trigger !== 'manual') return null;
  if (event.outcome === 'cancelled') return event.code === 'server-stopped' ? 'run.stopped' : 'run.cancelled';
  if (event.outcome === 'updated') return isOlder(event, component) ? 'component.updated.older' : null;
  if (event.outcome === 'unchanged') return (event.params as RunFacts).restored ? 'component.restored' : null;
  if (event.outcome !== 'failed') return null;
  if (event.componentId !== null) {
    if (component === undefined) return 'entry.failed';
    // It may have one all the same: in the japan channel only, or in a snapshot that a restored database does not know.
    return event.version === null && event.versionBefore === null ? 'component.failed.versionless' : null;
  }
  if (event.code === INTERRUPTED) return 'run.failed.interrupted';
  const { kind, channel, until, passedOver, inPart } = event.params as RunFacts;
  if (passedOver !== undefined) return inPart ? 'run.failed.passed-over.in-part' : 'run.failed.passed-over';
  if (event.code === 'upstream-cooling-down' && until !== undefined)
    return channel === undefined ? 'run.failed.cooling-down' : 'run.failed.cooling-down.channel';
  if (channel !== undefined) return 'run.failed.source.channel';
  return kind === 'upstream' || event.code?.startsWith('upstream-') ? 'run.failed.source' : 'run.failed.server';
}

function isProducts({ trigger }: UpdateEvent): boolean {
  return trigger.startsWith('product-');
}

/** Their lines say it in words already. */
const SAID_BY_LINES = new Set([INTERRUPTED, 'upstream-cooling-down']);

/** The code, and what it means in words that stand in the middle of a sentence. A product has no more than a message of its own. */
function reasonOf(event: UpdateEvent, language: Language): string {
  const { message, text: said } = event.params as RunFacts;
  const words = isProducts(event) ? message : (said?.[language] ?? message)?.replace(/[.。]$/, '');
  if (!words || SAID_BY_LINES.has(event.code ?? '')) return event.code ?? '';
  return event.code === null || event.code === 'failed' ? words : `${event.code}: ${words}`;
}

/** Products need not tell versions. */
function plainKey(event: UpdateEvent): string {
  const key = `event.${event.trigger}.${event.outcome}`;
  return isProducts(event) && event.version === null && isTextKey(`${key}.versionless`) ? `${key}.versionless` : key;
}

export function eventView(event: UpdateEvent, component: Component | undefined): EventView {
  const key = specialKey(event, component) ?? plainKey(event);
  const facts = event.params as RunFacts;
  const version = shown(component, event.version);
  const versionBefore = shown(component, event.versionBefore);
  const values = (language: Language): Record<string, unknown> => {
    const none = text(language, 'event.none');
    const { channel, until, passedOver } = facts;
    // Where every channel has sources of its own, each line that is of one says which.
    const inChannel = (what: string): string =>
      channel === undefined ? what : text(language, 'event.in-channel', { what, channel });
    const name = (language === 'ja' ? component?.nameJa : component?.nameEn) ?? event.componentId;
    return {
      run: text(language, event.trigger === 'schedule' ? 'run.schedule' : 'run.manual'),
      actor: event.actor,
      component: name === null ? '' : inChannel(name),
      version: version ?? none,
      before: versionBefore ?? none,
      current: version ?? versionBefore ?? none,
      reason: reasonOf(event, language),
      channel: channel ?? '',
      until: until ?? '',
      source: passedOver === undefined ? '' : inChannel(passedOver),
      deployment: facts.deploymentId ?? '',
      ring: facts.name ?? facts.ring ?? '',
      most: facts.most ?? '',
    };
  };
  return {
    id: event.id,
    at: event.at.toISOString(),
    trigger: event.trigger,
    component: event.componentId,
    outcome: event.outcome,
    version,
    versionBefore,
    actor: event.actor,
    downloadId: event.downloadId,
    deploymentId: facts.deploymentId ?? null,
    code: event.code,
    text: isTextKey(key) ? texts(key, values) : { ja: key, en: key },
  };
}
