import type { Logger } from '../../platform/logging/logger.js';
import type { BlobStore } from '../store/blob-store.js';
import type { MirrorSettings } from '../settings/mirror-settings.store.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import { Bandwidth } from '../upstream/bandwidth.js';
import { caFileFault } from '../upstream/ca-file.js';
import { openSource } from '../upstream/source-factory.js';
import type { UpstreamSource } from '../upstream/source.js';
import type { TransferLimits } from '../upstream/transfer-limits.js';

/** Limits that differ from the defaults; tests shorten them. */
export class SourceLimits {
  constructor(readonly values: Partial<TransferLimits> = {}) {}
}

/** Opens sources as the settings say; one bandwidth limit for all of them. */
export class SourceOpener {
  private readonly bandwidth = new Bandwidth(0);
  /** Settings whose CA file was complained of. Every run reads its own object: it is said once a run, not once a source. */
  private readonly told = new WeakSet<UpdateSourceSetting>();

  constructor(
    private readonly blobs: BlobStore,
    private readonly settings: MirrorSettings,
    private readonly userAgent: string,
    private readonly logger: Logger,
    private readonly limits: Partial<TransferLimits> = {},
  ) {}

  /** For transfers that run, too. */
  limitBandwidth(bytesPerSecond: number): void {
    this.bandwidth.setLimit(bytesPerSecond);
  }

  async open(url: string, setting: UpdateSourceSetting): Promise<UpstreamSource> {
    const proxy = await this.settings.proxy();
    this.limitBandwidth(setting.bandwidthBytesPerSecond);
    return openSource({
      url,
      store: this.blobs,
      userAgent: this.userAgent,
      tlsVerify: setting.tlsVerify,
      allowRedirectHosts: setting.allowRedirectHosts,
      bandwidth: this.bandwidth,
      limits: this.limits,
      ...(setting.caFile && this.usesCaFile(url, setting, setting.caFile) ? { caFile: setting.caFile } : {}),
      ...(proxy ? { proxy } : {}),
    });
  }

  /** Plain HTTP is read also while the file cannot be: it is of use only behind a redirect to HTTPS. */
  private usesCaFile(url: string, setting: UpdateSourceSetting, caFile: string): boolean {
    if (!url.startsWith('http:')) return true;
    const fault = caFileFault(caFile);
    if (fault === null) return true;
    if (!this.told.has(setting))
      this.logger.warn(
        { source: url, code: fault.code, path: caFile },
        `${fault.message}. Behind a redirect to HTTPS the source will not be trusted.`,
      );
    this.told.add(setting);
    return false;
  }
}
