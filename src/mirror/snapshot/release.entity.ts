import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { UnitLines } from '../manifest/manifest-edit.js';

export const ORIGINS = ['mirrored', 'derived', 'uploaded'] as const;
export type Origin = (typeof ORIGINS)[number];

/** A component at a version in a variant. Immutable: another content is another release. */
@Entity('release')
export class Release {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text', { name: 'component_id' })
  componentId: string;

  /** Raw text of the manifest, leading zeros kept. */
  @Column('text')
  version: string;

  /** `00`, `80`, or null where variants do not exist. Identity, never order. */
  @Column('text', { nullable: true })
  variant: string | null;

  @Column('text')
  origin: Origin;

  @Column('uuid', { name: 'derived_from', nullable: true })
  derivedFrom: string | null;

  /** URL of the source (without credentials), or the name of the uploaded file. */
  @Column('text', { nullable: true })
  source: string | null;

  @Column('text', { name: 'created_by', nullable: true })
  createdBy: string | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  /** SHA-256 over lines, paths and contents: the same content is never recorded twice. */
  @Column('text', { name: 'content_digest' })
  contentDigest: string;

  /** Its lines of the manifest, so that it can be published again after the upstream has moved on. */
  @Column('jsonb')
  lines: UnitLines[];
}

export type FileRole = 'full' | 'increment' | 'package';

@Entity('release_file')
export class ReleaseFile {
  @PrimaryColumn('uuid', { name: 'release_id' })
  releaseId: string;

  @PrimaryColumn('text')
  path: string;

  @Column('text')
  role: FileRole;

  @Column('text')
  sha256: string;

  @Column('bigint', { transformer: { to: (n: number) => n, from: Number } })
  size: number;

  @Column('text', { name: 'from_version', nullable: true })
  fromVersion: string | null;

  @Column('text', { name: 'signature_path', nullable: true })
  signaturePath: string | null;

  @Column('text', { name: 'signature_sha256', nullable: true })
  signatureSha256: string | null;

  @Column('bigint', {
    name: 'signature_size',
    nullable: true,
    transformer: { to: (n: number | null) => n, from: (v: string | null) => (v === null ? null : Number(v)) },
  })
  signatureSize: number | null;
}
