import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CatalogueEntry } from '../manifest/catalogue.js';
import type { Numbering } from '../manifest/version.js';

export const COMPONENT_KINDS = ['engine', 'pattern', 'other'] as const;
export type ComponentKind = (typeof COMPONENT_KINDS)[number];

/**
 * `as-before`: a file is published only with a signature, where those before it had one. `optional`: it may do without, once the source
 * has had none for an hour.
 */
export const SIGNATURE_POLICIES = ['as-before', 'optional'] as const;
export type SignaturePolicy = (typeof SIGNATURE_POLICIES)[number];

/** One thing that is distributed, as the catalogue knows it. */
@Entity('component')
export class Component {
  @PrimaryColumn('text')
  id: string;

  @Column('text', { name: 'name_ja' })
  nameJa: string;

  @Column('text', { name: 'name_en' })
  nameEn: string;

  @Column('text')
  kind: ComponentKind;

  @Column('text')
  numbering: Numbering;

  /** Entries of the manifest that belong to it (`P.4`, `E.20000`), in order of preference for its version. */
  @Column('text', { array: true })
  entries: string[];

  /** Suffixes of further variants that are derived for the japan channel: `80`. */
  @Column('text', { array: true })
  variants: string[];

  @Column('text')
  licence: string;

  @Column('boolean', { name: 'carried_by_control_manager' })
  carriedByControlManager: boolean;

  /** Services that a product restarts after an update. */
  @Column('text', { array: true })
  restarts: string[];

  @Column('text')
  signatures: SignaturePolicy;

  /** Names of files that carry it, `{version}` standing for the version; for uploads. */
  @Column('text', { name: 'file_patterns', array: true })
  filePatterns: string[];

  @Column('jsonb')
  cadence: CatalogueEntry['cadence'];

  @Column('boolean', { name: 'built_in' })
  builtIn: boolean;

  /** Part of scheduled downloads; a rollback takes it out. */
  @Column('boolean')
  scheduled: boolean;

  @Column('integer')
  position: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt: Date;
}
