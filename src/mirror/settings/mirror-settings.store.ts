import type { SettingStore } from '../../database/setting-store.js';
import type { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { MASK, type SecretBox } from '../../platform/secrets/secret-box.js';
import {
  DISTRIBUTION_DEFAULT,
  updateSourceDefault,
  type DistributionSetting,
  type ProxySetting,
  type UpdateSourceSetting,
} from './mirror.settings.js';

const NO_PROXY: ProxySetting = { enabled: false, url: null, username: null, password: null };

/** Reads and writes what people decide about the mirror. The proxy's password is sealed at rest and masked outside. */
export class MirrorSettings {
  constructor(
    private readonly store: SettingStore,
    private readonly secrets: SecretBox,
    private readonly clock: Clock,
  ) {}

  /** The environment's values, at the first start only. */
  async seed(upstreamUrl: string, proxyUrl: string | undefined): Promise<void> {
    const now = this.clock.now();
    await this.store.putIfAbsent('update-source', updateSourceDefault(upstreamUrl), 'first start', now);
    if (proxyUrl === undefined) return;
    const url = new URL(proxyUrl);
    const proxy: ProxySetting = {
      enabled: true,
      url: `${url.protocol}//${url.host}`,
      username: url.username === '' ? null : decodeURIComponent(url.username),
      password: url.password === '' ? null : this.secrets.seal(decodeURIComponent(url.password)),
    };
    await this.store.putIfAbsent('proxy', proxy, 'first start', now);
  }

  async updateSource(): Promise<UpdateSourceSetting> {
    const fallback = updateSourceDefault('');
    return { ...fallback, ...(await this.store.get('update-source', fallback)) };
  }

  async putUpdateSource(value: UpdateSourceSetting, actor: string): Promise<void> {
    await this.store.put('update-source', value, actor, this.clock.now());
  }

  /** With the password masked: what may leave the server. */
  async shownProxy(): Promise<ProxySetting> {
    const proxy = await this.store.get('proxy', NO_PROXY);
    return { ...proxy, password: proxy.password === null ? null : MASK };
  }

  /** With the password readable; null when no proxy is to be used. */
  async proxy(): Promise<{ url: string; username?: string; password?: string } | null> {
    const proxy = await this.store.get('proxy', NO_PROXY);
    if (!proxy.enabled || proxy.url === null) return null;
    return {
      url: proxy.url,
      ...(proxy.username === null ? {} : { username: proxy.username }),
      ...(proxy.password === null ? {} : { password: this.secrets.unseal(proxy.password) }),
    };
  }

  /** @throws AppError `proxy-incomplete` when it is enabled without an address; `proxy-password-needed`. */
  async putProxy(value: ProxySetting, actor: string): Promise<void> {
    if (value.enabled && !value.url) throw new AppError('bad-input', 'proxy-incomplete');
    const before = await this.store.get('proxy', NO_PROXY);
    if (value.password === MASK && before.password !== null && !sameLogin(value, before))
      throw new AppError('unprocessable', 'proxy-password-needed');
    const password =
      value.password === MASK ? before.password : value.password ? this.secrets.seal(value.password) : null;
    const url = value.url ?? null;
    await this.store.put(
      'proxy',
      { enabled: value.enabled, url, username: value.username ?? null, password },
      actor,
      this.clock.now(),
    );
  }

  async distribution(): Promise<DistributionSetting> {
    return { ...DISTRIBUTION_DEFAULT, ...(await this.store.get('distribution', DISTRIBUTION_DEFAULT)) };
  }

  async putDistribution(value: DistributionSetting, actor: string): Promise<void> {
    await this.store.put('distribution', value, actor, this.clock.now());
  }
}

/** A secret that nobody is shown must not be sent to wherever somebody points it. */
function sameLogin(a: ProxySetting, b: ProxySetting): boolean {
  return originOf(a) === originOf(b) && (a.username || null) === (b.username || null);
}

function originOf({ url }: ProxySetting): string | null {
  return url ? new URL(url).origin : null;
}
