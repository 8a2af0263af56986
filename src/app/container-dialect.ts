import type { ContainerDialect } from "../docker/container-dialect.ts";
import type { AddressLabels } from "../docker/labelled-addresses.ts";
import type { Config } from "./options.ts";
import { type Templated, templateVariables } from "./template-variables.ts";

/** https://github.com/swipely/iam-docker/blob/441d40692288d8c88fe18b23c2779a11df200986/src/docker/container_store.go#L11-L19 */
const IAM_DOCKER: ContainerDialect["places"] = {
  role: { labels: ["com.swipely.iam-docker.iam-profile"], variables: [] },
  externalId: { labels: ["com.swipely.iam-docker.iam-externalid"], variables: ["IAM_ROLE_EXTERNALID"] },
};

/** https://github.com/lyft/metadataproxy/blob/090f2e989eda229d313aa3360e845ab4eef04992/metadataproxy/roles.py */
const RANCHER_LABELS: AddressLabels = {
  address: "io.rancher.container.ip",
  macAddress: "io.rancher.container.mac_address",
};

/** What is read of containers, as the settings say. */
export const containerDialect = ({ compat, ...templated }: Templated & Pick<Config, "compat">): ContainerDialect => ({
  places: compat === "iam-docker" ? IAM_DOCKER : {},
  variables: templateVariables(templated),
  ...(compat === "metadataproxy" && { addressLabels: RANCHER_LABELS, isEmptyUnset: true }),
});
