import { KNOWN_VERSIONS } from "../core/metadata-version.ts";

/** What can be asked of the metadata surface; one handler each. */
export type RouteName =
  | "listVersions"
  | "issueToken"
  | "refuseVersionedToken"
  | "listIam"
  | "iamInfo"
  | "listRole"
  | "roleCredentials"
  | "refuseUnknown"
  | "upstream";

/** `open` answers without a metadata token; `token` needs one where the operator requires it. */
export interface Route {
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly auth: "open" | "token";
  readonly name: RouteName;
}

const get = (path: string, name: RouteName): Route => ({ method: "GET", path, auth: "token", name });
const put = (path: string, name: RouteName): Route => ({ method: "PUT", path, auth: "open", name });

/**
 * The whole metadata surface, first match wins. Everything about roles is ours
 * and never asked of the host's metadata service; only what falls through to
 * the last line is, and there the allow list decides (core/allowed-paths.ts).
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
// biome-ignore format: a table
const ROUTES: readonly Route[] = [
  put("latest/api/token",                                      "issueToken"),
  put(":version/api/token",                                    "refuseVersionedToken"),
  get("",                                                      "listVersions"),
  get(":version/meta-data/iam",                                "listIam"),
  get(":version/meta-data/iam/info",                           "iamInfo"),
  get(":version/meta-data/iam/security-credentials",           "listRole"),
  get(":version/meta-data/iam/security-credentials/:roleName", "roleCredentials"),
  get(":version/meta-data/iam/**",                             "refuseUnknown"),
  get(":version/**",                                           "upstream"),
];

const TEMPLATES = ROUTES.map((route) => ({ route, template: route.path === "" ? [] : route.path.split("/") }));

/** @param segments the canonical path. HEAD is looked up as GET. */
export function findRoute(method: "GET" | "PUT", segments: readonly string[]): Route | undefined {
  return TEMPLATES.find(({ route, template }) => route.method === method && matches(template, segments))?.route;
}

function matches(template: readonly string[], segments: readonly string[]): boolean {
  const open = template.at(-1) === "**";
  const fixed = open ? template.length - 1 : template.length;
  if (open ? segments.length < fixed : segments.length !== fixed) return false;
  return segments.slice(0, fixed).every((segment, i) => matchesSegment(template[i], segment));
}

const matchesSegment = (wanted: string | undefined, segment: string): boolean =>
  wanted === ":version" ? KNOWN_VERSIONS.has(segment) : wanted === ":roleName" || wanted === segment;
