/** A licence of one product; a site's licences hold where a product has none of its own. */
export interface AgentLicence {
  /** `base`, `anti-spam`, or one that an administrator gave to a component. */
  name: string;
  active: boolean;
  /** ISO 8601; null: does not end. */
  expiresAt: string | null;
}

export type Approval = 'approved' | 'pending' | 'blocked';

/** A managed product as far as a decision about a deployment needs it. */
export interface FleetMember {
  controllerId: string;
  groupId: string;
  approval: Approval;
  productType: string | null;
  tags: string[];
  capabilities: string[];
  /** null: the licences of the site hold. */
  licences: AgentLicence[] | null;
  components: { id: string; version: string; rawVersion: string; variant: string | null }[];
}

/** Which products: the union of what is named. A group includes its subgroups. */
export interface FleetSelection {
  agents?: string[];
  /** Ids. */
  groups?: string[];
  tags?: string[];
  productTypes?: string[];
  all?: boolean;
}

/** Whether the product's own licences cover a component with this licence; null: ask the site's. */
export function agentLicenceCovers(licences: AgentLicence[] | null, licence: string, now: Date): boolean | null {
  if (licences === null) return null;
  const found = licences.find((each) => each.name === licence);
  return found !== undefined && found.active && (found.expiresAt === null || new Date(found.expiresAt) > now);
}
