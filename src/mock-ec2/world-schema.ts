import { z } from "zod";
import { parseRoleReference } from "../core/role-reference.ts";
import { keyedRecord } from "./keyed-record.ts";
import { permissionPolicySchema } from "./permission-policy-schema.ts";
import { DEFAULT_MAX_SESSION_SECONDS } from "./sts-decision.ts";
import { trustPolicySchema } from "./trust-policy-schema.ts";
import { instanceFrom } from "./world.ts";

const accountId = z
  .string("must be a text: put it in quotes")
  .regex(/^\d{12}$/, 'must be twelve digits, in quotes, e.g. "111122223333"');

const instant = z.iso
  .datetime({ offset: true, error: 'must be a time such as "2030-01-02T03:04:05Z"' })
  .transform((text) => Date.parse(text));

/** What an ARN of a role may hold between its slashes. */
const rolePath = z.string().refine((text) => parseRoleReference(text).kind === "name" && !text.includes("@"), {
  error: "is no role name: write NAME or PATH/NAME, with letters, digits and _+=,.- only",
});

const roleArn = z.string().refine((text) => parseRoleReference(text).kind === "arn", {
  error: "is no role ARN: write arn:aws:iam::TWELVE-DIGITS:role/[PATH/]NAME",
});

const ipv4 = z.ipv4("must be an IPv4 address, e.g. 172.31.16.42");

/** As EC2 gives them out: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-tags-metadata.html */
const tagKey = z.string().regex(/^(?!\.{1,2}$|_index$)[\w+=.,@:-]{1,127}$/, {
  error: "must be a tag key the metadata service can show: letters, digits and _+-=.,@: only, and not ., .. or _index",
});

/** `role` may be any of the instance's; see InstanceGiven for what is filled in. */
const instance = z.strictObject({
  id: z
    .string()
    .regex(/^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, "must be i- and 17 (or 8) of 0-9 and a-f")
    .optional(),
  type: z
    .string()
    .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, "must be an instance type such as t3.micro")
    .optional(),
  region: z
    .string()
    .regex(/^[a-z]+(?:-[a-z]+)+-\d+$/, "must be a region such as eu-central-1")
    .optional(),
  availabilityZone: z.string().optional(),
  accountId: accountId.optional(),
  partition: z
    .string()
    .regex(/^aws(?:-[a-z]+)*$/, "must be a partition such as aws, aws-cn or aws-us-gov")
    .optional(),
  role: rolePath.optional(),
  instanceProfile: rolePath.optional(),
  amiId: z
    .string()
    .regex(/^ami-[0-9a-f]{8,17}$/, "must be ami- and 17 (or 8) of 0-9 and a-f")
    .optional(),
  privateIp: ipv4.optional(),
  publicIp: ipv4.optional(),
  userData: z.string().max(16_384, "must not be longer than 16384 characters, EC2's limit").optional(),
  tags: keyedRecord(
    tagKey,
    z.string("must be a text: put it in quotes").max(256, "must not be longer than 256 characters"),
  ).optional(),
  lifecycle: z.enum(["on-demand", "spot", "scheduled"]).optional(),
  spotInterruption: z.strictObject({ action: z.enum(["terminate", "stop", "hibernate"]), time: instant }).optional(),
  rebalanceNoticeTime: instant.optional(),
  autoscalingState: z.string().min(1, "must not be empty: leave it out instead").optional(),
});

const patterns = z.array(
  z
    .string()
    .regex(/^(?:\*|arn:[^\s]*)$/, 'is no pattern of ARNs: write "*" or one such as "arn:aws:iam::*:role/containers/*"'),
);

const role = z.strictObject({
  arn: roleArn,
  trust: trustPolicySchema,
  maxSessionSeconds: z
    .int()
    .min(3600, "must be at least 3600")
    .max(43_200, "must be at most 43200")
    .default(DEFAULT_MAX_SESSION_SECONDS),
  mayAssume: patterns.default([]),
});

const user = z.strictObject({
  arn: z
    .string()
    .regex(
      /^arn:aws(?:-[a-z]+)*:iam::\d{12}:user\/[!-~]+$/,
      "is no user ARN: write arn:aws:iam::TWELVE-DIGITS:user/NAME",
    ),
  accessKeyId: z.string().regex(/^AKIA[A-Z2-7]{16}$/, "must be AKIA and 16 of A-Z and 2-7"),
  secretAccessKey: z.string().min(16, "must have at least 16 characters"),
  mayAssume: patterns.default([]),
});

/** "eu-central-1a" in eu-central-1. */
const isZoneOf = (zone: string, region: string): boolean =>
  zone.startsWith(region) && /^[a-z]$/.test(zone.slice(region.length));

const DEFAULT_REGION = instanceFrom({}).region;

/** The whole file; keys that it does not know are mistakes. */
export const worldSchema = z
  .strictObject({
    instance: instance.default({}),
    hostMayAssume: patterns.optional(),
    hostPermissionPolicy: permissionPolicySchema.optional(),
    roles: z.array(role).optional(),
    users: z.array(user).default([]),
  })
  .superRefine(checkAcross, { when: () => true });

/** What no single value can be wrong about. The file may be wrong elsewhere too, so nothing is taken for granted. */
function checkAcross(file: unknown, context: z.RefinementCtx): void {
  const [region = DEFAULT_REGION, zone] = ["region", "availabilityZone"].map((key) => textAt(file, ["instance", key]));
  if (zone !== undefined && !isZoneOf(zone, region)) {
    const message = `must be a zone of the region ${region}, e.g. ${region}a`;
    context.addIssue({ code: "custom", path: ["instance", "availabilityZone"], message });
  }
  if (["hostMayAssume", "hostPermissionPolicy"].every((key) => valueAt(file, [key]) !== undefined)) {
    const message = "stands beside hostMayAssume, which says the same in short: keep one of them";
    context.addIssue({ code: "custom", path: ["hostPermissionPolicy"], message });
  }
  for (const [list, field] of [["roles", "arn"] as const, ["users", "accessKeyId"] as const]) {
    for (const at of repeated(listAt(file, list).map((entry) => textAt(entry, [field])))) {
      context.addIssue({ code: "custom", path: [list, at, field], message: TWICE });
    }
  }
}

const valueAt = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? (at as Readonly<Record<string, unknown>>)[key] : undefined),
    value,
  );

const textAt = (value: unknown, path: readonly string[]): string | undefined => {
  const text = valueAt(value, path);
  return typeof text === "string" ? text : undefined;
};

const listAt = (value: unknown, key: string): readonly unknown[] => {
  const list = valueAt(value, [key]);
  return Array.isArray(list) ? list : [];
};

const TWICE = "was already given above: keep one of them";

/** The places of all texts that stand earlier in the list too. */
const repeated = (texts: readonly (string | undefined)[]): number[] =>
  [...texts.keys()].filter((at) => texts[at] !== undefined && texts.indexOf(texts[at]) < at);
