import type { AddressLabels } from "./labelled-addresses.ts";

/** Where a container may write something; labels win over variables, and of either the first that is there counts. */
export interface Place {
  readonly labels: readonly string[];
  readonly variables: readonly string[];
}

/** What of a container is read besides taskrole's own words, as the operator's settings want it. */
export interface ContainerDialect {
  /** Other tools' places of the same things; taskrole's own label wins over their labels, and its variable over their variables. */
  readonly places: { readonly role?: Place; readonly externalId?: Place };
  /** In which a container's address stands that no engine gave it; undefined: only engines give addresses. */
  readonly addressLabels?: AddressLabels;
  /** True where an empty variable says nothing; else it is a claim as an empty label is, to be refused. */
  readonly isEmptyUnset?: boolean;
  /** Kept of its environment, by name; all else of it is dropped. */
  readonly variables: ReadonlySet<string>;
}

/** Taskrole's own words alone. */
export const OWN_DIALECT: ContainerDialect = { places: {}, variables: new Set() };
