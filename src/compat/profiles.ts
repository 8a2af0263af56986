import { EC2METAPROXY } from "./ec2metaproxy.ts";
import { IAM_DOCKER } from "./iam-docker.ts";
import { METADATAPROXY } from "./metadataproxy.ts";
import type { Profile } from "./profile.ts";

/** By the name that the setting compat has for each. */
export const PROFILES = {
  metadataproxy: METADATAPROXY,
  ec2metaproxy: EC2METAPROXY,
  "iam-docker": IAM_DOCKER,
} as const satisfies Readonly<Record<string, Profile>>;
