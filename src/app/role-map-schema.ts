import { z } from "zod";
import { canonicalAddress } from "../kit/ip-address.ts";
import { parseSubnet, type Subnet } from "../kit/subnet.ts";
import {
  demandThatPoliciesFit,
  externalId,
  pathList,
  policyArns,
  roleReference,
  sessionPolicy,
  sessionTags,
  sessionTemplate,
  sourceIdentity,
  strict,
  transitiveTags,
} from "./session-schema.ts";

const ADDRESS = 'must be an address or a range of them, like "10.0.5.7" or "10.0.6.0/24"';

const address = z.string({ error: ADDRESS }).superRefine((text, context) => {
  const subnet = subnetOf(text);
  if (!subnet) context.addIssue({ code: "custom", message: ADDRESS });
  else if (isEverything(subnet)) context.addIssue({ code: "custom", message: "must not be every address there is" });
  else if (hasHostBits(text, subnet))
    context.addIssue({
      code: "custom",
      message: "must be a range by its first address, or one address without a prefix length",
    });
});

/** As a label of the same name says it of a container. */
const entry = strict(
  {
    address,
    name: z.string({ error: "must be a name" }).min(1, { error: "must not be empty" }).optional(),
    role: roleReference.optional(),
    externalId: externalId.optional(),
    policy: sessionPolicy.optional(),
    policyArns: policyArns.optional(),
    sessionName: sessionTemplate.optional(),
    sessionTags: sessionTags.optional(),
    transitiveTags: transitiveTags.optional(),
    sourceIdentity: sourceIdentity.optional(),
    tokens: z.enum(["required", "optional"], { error: "must be required or optional" }).optional(),
    metadata: pathList.optional(),
  },
  "must be an entry: an address, and a role",
).superRefine(demandThatPoliciesFit);

export const roleMapEntries = z.array(entry, "must be a list of entries, each with address and role");

/** An entry of the role map file, checked. */
export type RoleMapEntry = z.output<typeof entry>;

/** One address is a range, too. Undefined when it is neither. */
export function subnetOf(text: string): Subnet | undefined {
  const alone = canonicalAddress(text);
  return parseSubnet(alone === undefined ? text : `${alone}/${alone.includes(":") ? 128 : 32}`);
}

const isEverything = ({ family, shift }: Subnet): boolean => shift === (family === 4 ? 32n : 128n);

/** "10.0.5.7/24": was the range meant, or the address? */
function hasHostBits(text: string, { shift }: Subnet): boolean {
  const first = subnetOf(text.replace(/\/.*$/s, ""));
  return first !== undefined && (first.prefix >> shift) << shift !== first.prefix;
}
