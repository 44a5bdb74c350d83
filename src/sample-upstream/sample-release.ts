import { pseudoRandomFraction } from './sample-bytes.js';
import type { SampleFile, SampleFileFactory } from './sample-file.js';
import {
  engineVersion,
  patternVersion,
  type SampleEngine,
  type SamplePattern,
  type SampleUnit,
  type SampleVariant,
} from './sample-units.js';

export interface SampleIncrementFile {
  file: SampleFile;
  /** FROM-version as written in the manifest. */
  from: string;
}

export interface PatternRelease {
  unit: SamplePattern;
  version: string;
  /** The version as a number, for the legacy twins. */
  number: number;
  full: SampleFile;
  increments: SampleIncrementFile[];
}

export interface EngineRelease {
  unit: SampleEngine;
  version: string;
  shortVersion: string;
  full: SampleFile;
}

/** What of the options decides the content of a release. */
export interface ReleaseShape {
  seed: number;
  scale: number;
  firstVersions: Readonly<Record<string, number>>;
}

// Added to every size, so that even a tiny scale gives distinct, non-trivial files.
const smallestFull = 1024;
const smallestIncrement = 256;

/** Describes the releases of units: versions, names and files. Pure: the same arguments give the same bytes. */
export class ReleaseMaker {
  constructor(
    private readonly shape: ReleaseShape,
    private readonly files: SampleFileFactory,
  ) {}

  pattern(unit: SamplePattern, release: number, variant: SampleVariant, publishedAt: Date): PatternRelease {
    const first = this.shape.firstVersions[unit.component] ?? this.shape.firstVersions[unit.id];
    const number = patternVersion(unit, release, variant, first);
    const text = (version: number): string => String(version).padStart(unit.digits ?? 1, '0');
    const full = this.file(unit.fullPath(number), unit, text(number), variant, publishedAt, {
      container: unit.container,
      bytes: this.scaled(unit.fullBytes, `${unit.id}|${number}`, smallestFull),
      member: unit.member?.(number),
    });
    const increments: SampleIncrementFile[] = [];
    const shape = unit.increments;
    for (let back = 1; shape && back <= shape.count; back++) {
      const from = patternVersion(unit, release - back, variant, first);
      if (from <= 0) break;
      const [least, most] = shape.bytes;
      const bytes = least + ((most - least) * (back - 1)) / Math.max(1, shape.count - 1);
      const identity = `${text(from)}>${text(number)}`;
      const file = this.file(shape.path(from, number), unit, identity, variant, publishedAt, {
        container: 'raw',
        bytes: this.scaled(bytes, `${unit.id}|${identity}`, smallestIncrement),
      });
      increments.push({ file, from: text(from) });
    }
    return { unit, version: text(number), number, full, increments };
  }

  engine(unit: SampleEngine, release: number, publishedAt: Date): EngineRelease {
    const version = engineVersion(unit, release);
    const full = this.file(unit.fullPath(version.compact), unit, version.text, 'global', publishedAt, {
      container: 'zip',
      bytes: this.scaled(unit.fullBytes, `${unit.id}|${version.text}`, smallestFull),
    });
    return { unit, version: version.text, shortVersion: version.short, full };
  }

  productPackage(path: string, realisticBytes: number, publishedAt: Date): SampleFile {
    const recipe = {
      identity: path,
      container: 'zip',
      bytes: this.scaled(realisticBytes, path, smallestFull),
    } as const;
    return this.files.made(path, recipe, publishedAt);
  }

  /** The sibling: last extension replaced by `.sig`; its name may stay the same while its content follows the release. */
  signature(signed: SampleFile): SampleFile {
    const path = signaturePath(signed.path);
    const recipe = { identity: `signature|${signed.path}|${signed.etag}`, container: 'raw', bytes: 384 } as const;
    return this.files.made(path, recipe, signed.lastModified);
  }

  private file(
    path: string,
    unit: SampleUnit,
    version: string,
    variant: SampleVariant,
    publishedAt: Date,
    content: { container: 'zip' | 'raw'; bytes: number; member?: string | undefined },
  ): SampleFile {
    // Only what really has a variant differs between the trees; everything else is the same bytes under both.
    const apart = unit.kind === 'pattern' && unit.hasVariant ? `${variant}|` : '';
    return this.files.made(path, { identity: `${apart}${unit.id}|${path}|${version}`, ...content }, publishedAt);
  }

  private scaled(realisticBytes: number, identity: string, atLeast: number): number {
    const wobble = 0.97 + 0.06 * pseudoRandomFraction(this.shape.seed, `size|${identity}`);
    return atLeast + Math.round(realisticBytes * this.shape.scale * wobble);
  }
}

function signaturePath(path: string): string {
  const slash = path.lastIndexOf('/');
  const dot = path.lastIndexOf('.');
  return `${dot > slash ? path.slice(0, dot) : path}.sig`;
}
