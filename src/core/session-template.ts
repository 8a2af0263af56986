import type { Workload } from "./workload.ts";

/** A text with places for what is known of a workload, e.g. "{container.name}@{host}". */
export interface SessionTemplate {
  readonly parts: readonly TemplatePart[];
}

type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "container.name" | "container.id" | "image" | "host" }
  | { readonly kind: "label"; readonly label: string }
  /** Of the container's environment, in the operator's templates alone. */
  | { readonly kind: "env"; readonly variable: string };

/** The reason completes "…, because". */
export interface SessionTemplateError {
  readonly kind: "bad-template";
  readonly reason: string;
}

/** Enough of a container id to be unique on a host; what `docker ps` shows. */
export const SHORT_ID_LENGTH = 12;

const NAMES = ["container.name", "container.id", "image", "host"] as const;
const PLACES = `${NAMES.map((name) => `{${name}}`).join(", ")}, {label:NAME} and, in the operator's settings, {env:NAME}`;
/** Session names and tags are written into CloudTrail, and into the log. */
const SECRET_VARIABLES = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/** Never throws. A brace is only ever a place's. */
export function parseTemplate(text: string): SessionTemplate | SessionTemplateError {
  const parts: TemplatePart[] = [];
  for (const [, literal, name, stray] of text.matchAll(/([^{}]+)|\{([^{}]*)\}|([{}])/g)) {
    if (stray !== undefined) return bad(`it has a "${stray}" without its other half`);
    const part = literal === undefined ? placeOf(name ?? "") : { kind: "text" as const, text: literal };
    if (part.kind === "bad-template") return part;
    parts.push(part);
  }
  return { parts };
}

/** What stands in it whatever the workload is: as it is where it has no places, else long enough for any limit's least. */
export function literalText({ parts }: SessionTemplate): string {
  const texts = parts.flatMap((part) => (part.kind === "text" ? [part.text] : []));
  const literal = texts.join("");
  return texts.length === parts.length ? literal : literal.padEnd(2, "x");
}

/** The variables that it names. */
export const variablesIn = ({ parts }: SessionTemplate): readonly string[] =>
  parts.flatMap((part) => (part.kind === "env" ? [part.variable] : []));

/**
 * More than anything may have that a template makes (a session's name is cut, a tag and a source identity are refused). A label may be
 * as long as its container likes, and be named as often.
 */
const MOST_RENDERED = 4_096;

/**
 * What comes behind the first MOST_RENDERED characters may be left out.
 *
 * @returns undefined when it names a label or a variable that the workload does not have. What stands in for a place is never read as a
 * template itself.
 */
export function renderTemplate({ parts }: SessionTemplate, workload: Workload, host: string): string | undefined {
  let made = "";
  for (const part of parts) {
    const text = textOf(part, workload, host);
    if (text === undefined) return undefined;
    if (made.length < MOST_RENDERED) made += text.slice(0, MOST_RENDERED);
  }
  return made;
}

function textOf(part: TemplatePart, { id, name, traits }: Workload, host: string): string | undefined {
  switch (part.kind) {
    case "text":
      return part.text;
    case "container.name":
      return name;
    case "container.id":
      return id.slice(0, SHORT_ID_LENGTH);
    case "image":
      return traits?.image ?? "";
    case "host":
      return host;
    case "label":
      return ownValue(traits?.labels, part.label);
    default:
      return ownValue(traits?.variables, part.variable);
  }
}

function placeOf(name: string): TemplatePart | SessionTemplateError {
  const kind = NAMES.find((known) => known === name);
  if (kind) return { kind };
  const { label, variable } = /^(?:label:(?<label>.+)|env:(?<variable>[^=]+))$/.exec(name)?.groups ?? {};
  if (label !== undefined) return { kind: "label", label };
  if (variable === undefined) return bad(`there is no {${name}}: there are ${PLACES}`);
  return SECRET_VARIABLES.includes(variable) ? bad(`{${name}} would tell a secret`) : { kind: "env", variable };
}

const ownValue = (values: Readonly<Record<string, string>> | undefined, name: string): string | undefined =>
  values && Object.hasOwn(values, name) ? values[name] : undefined;

const bad = (reason: string): SessionTemplateError => ({ kind: "bad-template", reason });
