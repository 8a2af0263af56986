import type { Workload } from "./workload.ts";

/** A text with places for what is known of a workload, e.g. "{container.name}@{host}". */
export interface SessionTemplate {
  readonly parts: readonly TemplatePart[];
}

type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "container.name" | "container.id" | "image" | "host" }
  | { readonly kind: "label"; readonly label: string };

/** The reason completes "…, because". */
export interface SessionTemplateError {
  readonly kind: "bad-template";
  readonly reason: string;
}

/** Enough of a container id to be unique on a host; what `docker ps` shows. */
export const SHORT_ID_LENGTH = 12;

const NAMES = ["container.name", "container.id", "image", "host"] as const;

/** Never throws. A brace is only ever a place's. */
export function parseTemplate(text: string): SessionTemplate | SessionTemplateError {
  const parts: TemplatePart[] = [];
  for (const [, literal, name, stray] of text.matchAll(/([^{}]+)|\{([^{}]*)\}|([{}])/g)) {
    if (stray !== undefined) return bad(`it has a "${stray}" without its other half`);
    const part = literal === undefined ? placeOf(name ?? "") : { kind: "text" as const, text: literal };
    if (!part)
      return bad(`there is no {${name}}: there are ${NAMES.map((one) => `{${one}}`).join(", ")} and {label:NAME}`);
    parts.push(part);
  }
  return { parts };
}

/**
 * @returns undefined when it names a label that the workload does not have. What stands in for a place is never read as a
 * template itself.
 */
export function renderTemplate({ parts }: SessionTemplate, workload: Workload, host: string): string | undefined {
  const texts = parts.map((part) => textOf(part, workload, host));
  return texts.includes(undefined) ? undefined : texts.join("");
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
    default:
      return traits && Object.hasOwn(traits.labels, part.label) ? traits.labels[part.label] : undefined;
  }
}

function placeOf(name: string): TemplatePart | undefined {
  const kind = NAMES.find((known) => known === name);
  if (kind) return { kind };
  const label = /^label:(.+)$/.exec(name)?.[1];
  return label === undefined ? undefined : { kind: "label", label };
}

const bad = (reason: string): SessionTemplateError => ({ kind: "bad-template", reason });
