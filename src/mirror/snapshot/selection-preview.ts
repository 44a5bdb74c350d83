import { readFile } from 'node:fs/promises';
import { AppError } from '../../platform/errors/app-error.js';
import { componentOfUnit, type CatalogueRepository } from '../catalogue/catalogue.repository.js';
import { MAX_MANIFEST_BYTES } from '../manifest/ini-document.js';
import { Manifest } from '../manifest/manifest.js';
import type { MirrorSettings } from '../settings/mirror-settings.store.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { BlobStore } from '../store/blob-store.js';
import { MANIFEST_PATH } from './held-file.js';
import { isSelected, type Selection } from './mirror-plan.js';
import type { SourceOpener } from './source-opener.js';
import type { UpstreamMemory } from './upstream-memory.js';

/** What a selection would mirror; signatures are not counted, they are small. */
export interface SelectionSize {
  /** Entries of the manifest; those of the japan channel's own one besides, where they are others. */
  entries: number;
  /** Of each source that a channel has of its own: under the same name they may have another content. */
  files: number;
  /** Of the files whose size the manifest tells. */
  bytes: number;
  /** Files of unknown size. */
  unsized: number;
}

export interface SelectionPreviewResult {
  /** That of the global channel, without credentials. */
  source: string;
  /** When its manifest was read that this is made from. */
  readAt: Date;
  modes: Record<Selection['mode'], SelectionSize>;
  /** Components for which `selected` was counted. */
  components: string[];
}

interface ReadManifest {
  manifest: Manifest;
  source: string;
  readAt: Date;
}

/** Pure; a file that several entries of one manifest name counts once. */
export function selectionSize(
  manifests: readonly Manifest[],
  units: ReadonlyMap<string, string>,
  selection: Selection,
): SelectionSize {
  const chosen = manifests.map((manifest) =>
    [...manifest.units.keys()].filter((id) => isSelected(selection, units.get(id.toUpperCase()) ?? null)),
  );
  const files = manifests.flatMap((manifest, at) => [...manifest.files(chosen[at] ?? []).values()]);
  return {
    entries: new Set(chosen.flat().map((id) => id.toUpperCase())).size,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + (file.size ?? 0), 0),
    unsized: files.filter((file) => file.size === null).length,
  };
}

/** Shows what each selection means before one is chosen. */
export class SelectionPreview {
  constructor(
    private readonly deps: {
      blobs: BlobStore;
      catalogue: CatalogueRepository;
      settings: MirrorSettings;
      memory: UpstreamMemory;
      sources: SourceOpener;
    },
  ) {}

  /**
   * From the manifests that were read last; before the first download the sources are asked for them, and nothing is stored.
   * @param components for `selected`; default: those of the setting.
   * @throws AppError kind `upstream`; `component-unknown`.
   */
  async preview(now: Date, components?: readonly string[]): Promise<SelectionPreviewResult> {
    const setting = await this.deps.settings.updateSource();
    const catalogue = await this.deps.catalogue.list();
    for (const id of components ?? []) if (!catalogue.some((each) => each.id === id)) await this.deps.catalogue.get(id);
    const chosen = [...(components ?? setting.selection.components)];
    const { manifest, source, readAt } = await this.read(setting, setting.sources, now);
    const japan = setting.japanSources.length > 0 ? await this.read(setting, setting.japanSources, now) : null;
    const units = componentOfUnit(catalogue);
    const size = (mode: Selection['mode']): SelectionSize =>
      selectionSize(japan === null ? [manifest] : [manifest, japan.manifest], units, { mode, components: chosen });
    return {
      source,
      readAt,
      components: chosen,
      modes: { all: size('all'), catalogue: size('catalogue'), selected: size('selected') },
    };
  }

  private async read(
    setting: UpdateSourceSetting,
    sources: readonly { url: string }[],
    now: Date,
  ): Promise<ReadManifest> {
    return (await this.remembered(sources)) ?? (await this.asked(setting, sources, now));
  }

  private async remembered(sources: readonly { url: string }[]): Promise<ReadManifest | null> {
    const { memory, blobs } = this.deps;
    for (const { url } of sources) {
      const { manifestSha256, readAt } = await memory.state(url);
      if (manifestSha256 !== null && readAt !== null && (await blobs.has(manifestSha256)))
        return { manifest: Manifest.parse(await readFile(blobs.pathOf(manifestSha256))), source: url, readAt };
    }
    return null;
  }

  private async asked(
    setting: UpdateSourceSetting,
    sources: readonly { url: string }[],
    now: Date,
  ): Promise<ReadManifest> {
    let last: unknown = new AppError('conflict', 'no-source');
    for (const { url } of sources) {
      const source = await this.deps.sources.open(url, setting);
      try {
        const got = await source.fetchSmall(MANIFEST_PATH, { maxBytes: MAX_MANIFEST_BYTES });
        if (got.status === 'ok') return { manifest: Manifest.parse(got.body), source: source.url, readAt: now };
      } catch (fault) {
        last = fault;
      } finally {
        await source.close();
      }
    }
    throw last;
  }
}
