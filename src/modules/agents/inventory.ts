import { displayVersion, parseDisplayVersion, variantOf, type Numbering } from '../../mirror/manifest/version.js';

/** One component as the product reports it. */
export interface InventoryItem {
  componentId: string;
  /** As people read it. */
  version: string;
  /** As in the manifest, where it can be told. */
  rawVersion: string;
  variant: string | null;
}

/** What the attributes of configData mean to us. */
export interface Inventory {
  productType: string | null;
  productVersion: string | null;
  capabilities: string[];
  /** `on`, `off`; null when the product does not tell. */
  ownSchedule: 'on' | 'off' | null;
  ownUpdateRunning: boolean;
  callbackUrl: string | null;
}

export type ConfigDataMode = 'merge' | 'replace' | 'remove';

/** What one configData says of the versions in force at a product. */
export interface ComponentReport {
  items: InventoryItem[];
  /** Components that are there no more; `others`: the report is the whole inventory. */
  withdrawn: string[] | 'others';
}

const COMPONENT_KEY = /^component\.([a-z0-9][a-z0-9-]{0,62})\.version$/;
const CAPABILITY = /^[a-z0-9][a-z0-9-]{0,40}$/;
const MAX_COMPONENTS = 200;
const MAX_CAPABILITIES = 50;

/** Reads attributes; what makes no sense is left out, never refused: products of other makers send their own. */
export function readInventory(attributes: Readonly<Record<string, string>>): Inventory {
  const schedule = attributes['haishin.schedule'];
  return {
    productType: attributes['product'] ?? null,
    productVersion: attributes['version'] ?? null,
    capabilities: capabilities(attributes['haishin.capabilities'] ?? ''),
    ownSchedule: schedule === 'on' || schedule === 'off' ? schedule : null,
    ownUpdateRunning: attributes['haishin.update'] === 'running',
    callbackUrl: attributes['haishin.callback'] || null,
  };
}

/**
 * Only what the report itself speaks of counts: attributes from before may be older than an update that succeeded since, and
 * products of other makers never speak of components at all.
 */
export function componentReport(
  before: Readonly<Record<string, string>>,
  mode: ConfigDataMode,
  data: Readonly<Record<string, string>>,
  numberings: ReadonlyMap<string, Numbering>,
): ComponentReport {
  const named = componentIds(data);
  if (mode === 'remove') return { items: [], withdrawn: named };
  const items = components(data, numberings);
  if (mode === 'replace' && (items.length > 0 || componentIds(before).length > 0))
    return { items, withdrawn: 'others' };
  return { items, withdrawn: named.filter((id) => !items.some(({ componentId }) => componentId === id)) };
}

/** Ids of the components that attributes speak of. */
export function componentIds(attributes: Readonly<Record<string, string>>): string[] {
  return Object.keys(attributes).flatMap((key) => COMPONENT_KEY.exec(key)?.[1] ?? []);
}

/** The two forms of a version that a product reported in either of them. */
export function inventoryItem(componentId: string, reported: string, numbering: Numbering | undefined): InventoryItem {
  const text = reported.trim();
  const raw = numbering === undefined ? null : parseDisplayVersion(text, numbering);
  if (numbering === undefined || raw === null) return { componentId, version: text, rawVersion: text, variant: null };
  return { componentId, version: displayVersion(raw, numbering), rawVersion: raw, variant: variantOf(raw, numbering) };
}

function components(
  attributes: Readonly<Record<string, string>>,
  numberings: ReadonlyMap<string, Numbering>,
): InventoryItem[] {
  const items: InventoryItem[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const id = COMPONENT_KEY.exec(key)?.[1];
    if (id !== undefined && value.trim() !== '' && value.length <= 64 && items.length < MAX_COMPONENTS)
      items.push(inventoryItem(id, value, numberings.get(id)));
  }
  return items;
}

function capabilities(text: string): string[] {
  const words = text.split(',').map((word) => word.trim().toLowerCase());
  return [...new Set(words.filter((word) => CAPABILITY.test(word)))].slice(0, MAX_CAPABILITIES);
}
