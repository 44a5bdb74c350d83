import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { SecretBox } from '../../platform/secrets/secret-box.js';
import { isUnderWay } from './agent-directory.js';
import { AgentChanges } from './agent-changes.js';
import { newToken } from './agent-token.js';
import { unknownAgents } from './agent.errors.js';
import { AgentRepository } from './agent.repository.js';
import { InventoryRepository } from './inventory.repository.js';
import { ComponentNumberings } from './component-numberings.js';
import { componentIds, componentReport, readInventory, type ConfigDataMode } from './inventory.js';
import { productText } from './product-text.js';
import { WakeUpNetworks } from './wake-up-networks.js';

const MAX_ATTRIBUTES = 500;
const MAX_KEY = 128;
const MAX_VALUE = 1024;
/** Of all attributes together, in UTF-16 units: a page of products has up to 500 of them. */
const MAX_TOTAL = 64 * 1024;

/** Takes the attributes of products and reads from them what we understand. */
@Injectable()
export class ConfigDataService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly agents: AgentRepository,
    private readonly inventory: InventoryRepository,
    private readonly numberings: ComponentNumberings,
    private readonly networks: WakeUpNetworks,
    private readonly secrets: SecretBox,
    private readonly changes: AgentChanges,
    private readonly clock: Clock,
  ) {}

  /**
   * @returns the secret of a callback that is new, told this once.
   * @throws AppError `config-data-invalid`, `callback-url-invalid`, `agent-unknown`.
   */
  async put(
    controllerId: string,
    mode: ConfigDataMode,
    data: Record<string, string>,
  ): Promise<{ callbackSecret: string | null }> {
    const numberings = await this.numberings.of(componentIds(data));
    const now = this.clock.now();
    const callbackSecret = await inTransaction(this.dataSource, async (manager) => {
      const before = await this.inventory.lockForConfigData(manager, controllerId);
      if (before === null) throw unknownAgents([controllerId]);
      const attributes = combined(before.attributes, mode, data);
      const { ownUpdateRunning, ...inventory } = readInventory(attributes);
      const ownUpdateSince = ownUpdateRunning ? sinceWhen(before.ownUpdateSince, data, now) : null;
      const components = componentReport(before.attributes, mode, data, numberings);
      const known = { ...inventory, ownUpdateSince };
      await this.inventory.storeInventory(manager, controllerId, attributes, known, components, now);
      // A callback that an administrator set stays when the product does not speak of one.
      const { callbackUrl } = inventory;
      if (callbackUrl === null || callbackUrl === before.callbackUrl) return null;
      this.networks.checkUrl(callbackUrl);
      const secret = newToken();
      await this.agents.patch(controllerId, { callbackUrl, callbackSecret: this.secrets.seal(secret) }, manager);
      return secret;
    });
    this.changes.publishSoon([controllerId]);
    return { callbackSecret };
  }
}

/**
 * Since when the product runs its own update. Where it says so anew long after the one that is known, that one was never ended, and this is
 * another; what it says of other things beside an old word of it changes nothing.
 */
function sinceWhen(known: Date | null, data: Readonly<Record<string, string>>, now: Date): Date {
  if (known === null) return now;
  return !isUnderWay(known, now) && Object.hasOwn(data, 'haishin.update') ? now : known;
}

function combined(
  before: Readonly<Record<string, string>>,
  mode: ConfigDataMode,
  data: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = Object.entries(before).filter(([key]) => !Object.hasOwn(data, key));
  const entries =
    mode === 'remove' ? kept : mode === 'replace' ? Object.entries(data) : [...kept, ...Object.entries(data)];
  if (entries.length > MAX_ATTRIBUTES)
    throw new AppError('bad-input', 'config-data-invalid.too-many', { values: { maxAttributes: MAX_ATTRIBUTES } });
  const total = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (mode !== 'remove' && total > MAX_TOTAL)
    throw new AppError('bad-input', 'config-data-invalid.too-large', { values: { maxTotal: MAX_TOTAL } });
  return Object.fromEntries(entries);
}

/**
 * Reads the body of configData; numbers and booleans count as their text.
 * @throws AppError `config-data-invalid`.
 */
export function parseConfigData(body: unknown): { mode: ConfigDataMode; data: Record<string, string> } {
  const { mode = 'merge', data } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const invalid = (why: string): AppError => new AppError('bad-input', 'config-data-invalid', { values: { why } });
  if (mode !== 'merge' && mode !== 'replace' && mode !== 'remove')
    throw invalid('mode must be merge, replace or remove');
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw invalid('data must be an object of texts');
  const entries = Object.entries(data).map(([key, value]): [string, string] => {
    if (key === '' || key.length > MAX_KEY) throw invalid(`keys have 1 to ${MAX_KEY} characters`);
    if (value !== null && typeof value === 'object') throw invalid(`${key} must be a text`);
    const text = String(value ?? '');
    if (text.length > MAX_VALUE) throw invalid(`${key} has more than ${MAX_VALUE} characters`);
    return [productText(key, MAX_KEY), productText(text, MAX_VALUE)];
  });
  if (entries.length > MAX_ATTRIBUTES) throw invalid(`data has more than ${MAX_ATTRIBUTES} keys`);
  return { mode, data: Object.fromEntries(entries) };
}
