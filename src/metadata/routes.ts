import { KNOWN_VERSIONS } from "../core/metadata-version.ts";
import type { Surface } from "./surface.ts";

/** What can be asked; one handler each. */
export type RouteName =
  | "listVersions"
  | "issueToken"
  | "refuseVersionedToken"
  | "listIam"
  | "iamInfo"
  | "listRole"
  | "roleCredentials"
  | "refuseForbidden"
  | "upstream"
  | "containerCredentials";

/** What a request must show besides its address: nothing, a metadata token, or the workload's authorization token. */
export type RouteAuth = "open" | "token" | "authorization";

export interface Route {
  readonly surface: Surface;
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly auth: RouteAuth;
  readonly name: RouteName;
}

const METADATA = { surface: "metadata" } as const;
const get = (path: string, name: RouteName): Route => ({ ...METADATA, method: "GET", path, auth: "token", name });
const put = (path: string, name: RouteName): Route => ({ ...METADATA, method: "PUT", path, auth: "open", name });
const container = (path: string): Route => ({
  surface: "credentials",
  method: "GET",
  path,
  auth: "authorization",
  name: "containerCredentials",
});

/**
 * All that a workload can ask, first match wins. Everything about roles is ours
 * and never asked of the host's metadata service; only what falls through to
 * the line of "upstream" is, and there the allow list decides (core/allowed-paths.ts).
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
  get(":version/meta-data/iam/**",                             "refuseForbidden"),
  get(":version/**",                                           "upstream"),
  container("v1/credentials"),           // EKS's path
  container("v2/credentials/:anything"), // ECS's, where the workload's id stands last; here its address says who it is
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

export interface RouteQuery {
  /** HEAD is looked up as GET. */
  readonly method: "GET" | "PUT";
  readonly surfaces: readonly Surface[];
  /** The canonical path. */
  readonly segments: readonly string[];
}

export function findRoute({ method, surfaces, segments }: RouteQuery): Route | undefined {
  for (const template of TEMPLATES) {
    const { route } = template;
    if (route.method === method && surfaces.includes(route.surface) && matches(template, segments)) return route;
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
  return wanted === ":roleName" || wanted === ":anything" || wanted === given;
};
