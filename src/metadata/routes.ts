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

/** A route's path, taken apart once. */
interface Template {
  readonly route: Route;
  readonly segments: readonly string[];
  /** Ends in "**": any number of further segments. */
  readonly isOpen: boolean;
}

const TEMPLATES: readonly Template[] = ROUTES.map((route) => {
  const segments = route.path.split("/").filter((segment) => segment !== "" && segment !== "**");
  return { route, segments, isOpen: route.path.endsWith("/**") };
});

/** @param segments the canonical path. HEAD is looked up as GET. */
export function findRoute(method: "GET" | "PUT", segments: readonly string[]): Route | undefined {
  for (const template of TEMPLATES) {
    if (template.route.method === method && matches(template, segments)) return template.route;
  }
  return undefined;
}

function matches({ segments: wanted, isOpen }: Template, given: readonly string[]): boolean {
  if (isOpen ? given.length < wanted.length : given.length !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i += 1) if (!matchesSegment(wanted[i], given[i])) return false;
  return true;
}

const matchesSegment = (wanted: string | undefined, given: string | undefined): boolean => {
  if (wanted === ":version") return given !== undefined && KNOWN_VERSIONS.has(given);
  return wanted === ":roleName" || wanted === given;
};
