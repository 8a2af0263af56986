/** An element: its name, and its text or its children. */
export type XmlElement = readonly [name: string, content: string | readonly XmlElement[]];

const NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/";

/** The document as AWS writes it: no XML declaration, two spaces a level, a line feed at the end. */
export function stsDocument(root: string, children: readonly XmlElement[]): string {
  return `<${root} xmlns="${NAMESPACE}">\n${children.map((child) => written(child, "  ")).join("")}</${root}>\n`;
}

function written([name, content]: XmlElement, indent: string): string {
  if (typeof content === "string") return `${indent}<${name}>${escaped(content)}</${name}>\n`;
  return `${indent}<${name}>\n${content.map((child) => written(child, `${indent}  `)).join("")}${indent}</${name}>\n`;
}

/**
 * Characters that XML 1.0 cannot hold at all become U+FFFD: an error repeats what the caller sent.
 * https://www.w3.org/TR/xml/#charsets
 */
const escaped = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>\r]/g, (mark) => ENTITIES[mark] ?? mark);

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };
