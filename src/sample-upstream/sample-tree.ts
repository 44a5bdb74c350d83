import { AppError } from '../platform/errors/app-error.js';
import { literalFile, type SampleFile, SampleFileFactory } from './sample-file.js';
import { renderManifest } from './sample-manifest.js';
import { ReleaseMaker } from './sample-release.js';
import { sampleEngines, samplePatterns, type SampleUnit, sampleUnits, type SampleVariant } from './sample-units.js';
import { writeTree } from './write-tree.js';

export interface SampleTreeOptions {
  /** 1 = realistic sizes (about 150 MB); quickstart uses 0.02. */
  scale?: number;
  /** Same seed, scale and version: same bytes. */
  seed?: number;
  /** A `.sig` beside every data file. Default true. */
  signatures?: boolean;
  /** The product packages of `[Info_…]`. Default true. */
  productPackages?: boolean;
  /** Also `japan/server.ini` and its files, with `.80` virus patterns. Default false. */
  japanTree?: boolean;
  /** Line ends of the manifests. The real ones come from Windows: default `crlf`. */
  eol?: 'crlf' | 'lf';
  /** Really compress ZIP members (see `makeBytes`): for benches in which the reader checks archives. Default false. */
  compressed?: boolean;
  /** First pattern versions by component id or manifest id, e.g. `{ 'virus-pattern': 1799800 }` for a roll-over. */
  firstVersions?: Record<string, number>;
}

/** One unit that got a new version. */
export interface Publication {
  component: string;
  /** Key in the manifest, e.g. `P.4`. */
  id: string;
  /** As written in the (global) manifest. */
  version: string;
}

/** What a vendor's server passes through while it publishes; only `complete` is consistent. */
export type PublishingState = 'new-files-old-manifest' | 'new-manifest-without-signatures' | 'complete';

const firstPublication = Date.UTC(2024, 2, 1);
const hour = 3_600_000;

/** A synthetic ActiveUpdate tree as it is published now: the newest full files, the increments to them, the manifest. */
export class SampleTree {
  private readonly options: Required<SampleTreeOptions>;
  private readonly maker: ReleaseMaker;
  /** Release number and time of its publication, by unit id. */
  private readonly releases = new Map<string, { release: number; publishedAt: Date }>();
  private publications = 0;
  private published: ReadonlyMap<string, SampleFile> = new Map();
  private byLowerCase: ReadonlyMap<string, SampleFile> = new Map();

  constructor(options: SampleTreeOptions = {}) {
    this.options = {
      scale: options.scale ?? 1,
      seed: options.seed ?? 1,
      signatures: options.signatures ?? true,
      productPackages: options.productPackages ?? true,
      japanTree: options.japanTree ?? false,
      eol: options.eol ?? 'crlf',
      compressed: options.compressed ?? false,
      firstVersions: options.firstVersions ?? {},
    };
    const { seed, scale, compressed, firstVersions } = this.options;
    this.maker = new ReleaseMaker({ seed, scale, firstVersions }, new SampleFileFactory(seed, compressed));
    for (const unit of sampleUnits) this.releases.set(unit.id, { release: 0, publishedAt: new Date(firstPublication) });
    this.show(this.wholeTree());
  }

  /** Everything that is served now, manifests included, by path in the manifest's spelling. */
  files(): ReadonlyMap<string, SampleFile> {
    return this.published;
  }

  /** The file at a path relative to the base URL, in any letter case. */
  find(path: string): SampleFile | undefined {
    return this.byLowerCase.get(path.toLowerCase());
  }

  /** The manifest as it is served now. */
  manifest(variant: SampleVariant = 'global'): Buffer {
    const file = this.find(variant === 'japan' ? 'japan/server.ini' : 'server.ini');
    if (!file) throw new AppError('not-found', 'sample-no-japan-tree');
    return file.content();
  }

  /** Current versions by component id, as text of the global manifest. */
  versions(): Record<string, string> {
    return Object.fromEntries(sampleUnits.map((unit) => [unit.component, this.versionOf(unit)]));
  }

  /**
   * Releases a new version of each named component (component id or manifest id; without names: of every one) in one
   * step. An older full file is gone afterwards, as at the vendor.
   * @throws AppError `sample-component-unknown`
   */
  publish(components?: readonly string[]): Publication[] {
    const units = this.named(components);
    this.advance(units);
    this.show(this.wholeTree());
    return units.map((unit) => ({ component: unit.component, id: unit.id, version: this.versionOf(unit) }));
  }

  /**
   * The same in the steps in which a real server does it, so that a test can look in between: each `next()` enters the
   * state that it returns.
   */
  *publishSlowly(components?: readonly string[]): Generator<PublishingState, void> {
    const before = this.published;
    this.advance(this.named(components));
    const after = this.wholeTree();

    const newFiles = new Map(before);
    for (const [path, file] of after) if (!isManifest(path) && !path.endsWith('.sig')) newFiles.set(path, file);
    this.show(newFiles);
    yield 'new-files-old-manifest';

    const unsigned = new Map(after);
    for (const [path, file] of after)
      if (path.endsWith('.sig') && before.get(path)?.etag !== file.etag) unsigned.delete(path);
    this.show(unsigned);
    yield 'new-manifest-without-signatures';

    this.show(after);
    yield 'complete';
  }

  /**
   * Writes the whole tree to a directory that a plain web server can serve. Never half of it: see `writeTree`.
   * @throws AppError `sample-directory-not-a-tree` if the directory holds something else: it would be replaced.
   */
  async materialise(directory: string): Promise<void> {
    await writeTree(directory, this.published);
  }

  private named(components: readonly string[] | undefined): readonly SampleUnit[] {
    if (!components) return sampleUnits;
    return components.map((name) => {
      const unit = sampleUnits.find(({ component, id }) => name === component || name === id);
      if (unit) return unit;
      throw new AppError('bad-input', 'sample-component-unknown', {
        values: { name },
        details: { known: sampleUnits.map(({ component }) => component) },
      });
    });
  }

  private advance(units: readonly SampleUnit[]): void {
    const publishedAt = new Date(firstPublication + ++this.publications * hour);
    for (const unit of units) this.releases.set(unit.id, { release: this.stateOf(unit).release + 1, publishedAt });
  }

  private stateOf(unit: SampleUnit): { release: number; publishedAt: Date } {
    const state = this.releases.get(unit.id);
    if (!state) throw new AppError('internal', 'sample-unit-lost', { values: { id: unit.id } });
    return state;
  }

  private versionOf(unit: SampleUnit): string {
    const { release, publishedAt } = this.stateOf(unit);
    return unit.kind === 'pattern'
      ? this.maker.pattern(unit, release, 'global', publishedAt).version
      : this.maker.engine(unit, release, publishedAt).version;
  }

  private show(files: ReadonlyMap<string, SampleFile>): void {
    this.published = files;
    this.byLowerCase = new Map([...files].map(([path, file]) => [path.toLowerCase(), file]));
  }

  private wholeTree(): Map<string, SampleFile> {
    const files = this.variantTree('global');
    if (!this.options.japanTree) return files;
    for (const [path, file] of this.variantTree('japan'))
      files.set(`japan/${path}`, { ...file, path: `japan/${path}` });
    return files;
  }

  private variantTree(variant: SampleVariant): Map<string, SampleFile> {
    const patterns = samplePatterns.map((unit) => {
      const { release, publishedAt } = this.stateOf(unit);
      return this.maker.pattern(unit, release, variant, publishedAt);
    });
    const engines = sampleEngines.map((unit) => {
      const { release, publishedAt } = this.stateOf(unit);
      return this.maker.engine(unit, release, publishedAt);
    });
    const packagedAt = new Date(firstPublication);
    const productPackage = this.options.productPackages
      ? {
          full: this.maker.productPackage('product/enu/SampleTool.zip', 12 * 1024 * 1024, packagedAt),
          update: this.maker.productPackage('product/enu/SampleToolPatch.zip', 209_602, packagedAt),
        }
      : undefined;

    const data = [
      ...patterns.flatMap(({ full, increments }) => [full, ...increments.map(({ file }) => file)]),
      ...engines.map(({ full }) => full),
      ...(productPackage ? [productPackage.full, productPackage.update] : []),
    ];
    const signatures = this.options.signatures ? data.map((file) => this.maker.signature(file)) : [];
    const manifest = renderManifest({ patterns, engines, productPackage, eol: this.options.eol });
    const manifestAt = new Date(firstPublication + this.publications * hour);
    return new Map(
      [...data, ...signatures, literalFile('server.ini', manifest, manifestAt)].map((file) => [file.path, file]),
    );
  }
}

function isManifest(path: string): boolean {
  return path === 'server.ini' || path.endsWith('/server.ini');
}
