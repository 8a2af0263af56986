import type { Meaning } from "./translation.ts";

/** @param text as written; "true" for a flag that stands alone */
export type Reading = (text: string) => Meaning;

/** What is empty is as if it were not there, as the tools have it. */
export const setting =
  (name: string, toValue: (text: string) => unknown = (text) => text): Reading =>
  (text) =>
    text === "" ? {} : { settings: { [name]: toValue(text) } };

/** @param because the rest of "it has no effect:" */
export const noEffect =
  (because: string): Reading =>
  (text) =>
    text === "" ? {} : { note: `has no effect: ${because}` };

/**
 * ":8080" and "0.0.0.0:8080" are every address, so that of IPv6 as well: the interception brings both. On a host without IPv6
 * that is every IPv4 address.
 */
export function listening(text: string): Meaning {
  if (text === "") return {};
  const listen = text.replace(/^(?:0\.0\.0\.0)?:/, EVERY_ADDRESS);
  return { settings: { listen }, ...(!listen.startsWith(EVERY_ADDRESS) && { note: ONE_ADDRESS }) };
}

const EVERY_ADDRESS = "[::]:";
/** The interception sends a request to the address of the bridge that it came by. */
const ONE_ADDRESS =
  "is one address of the host: containers of networks whose bridge has another are refused a connection. Leave the address out, for every one";

/** Those of AWS's SDKs by which such a tool may have had its own credentials. */
export const OWN_CREDENTIALS: Readonly<Record<string, Reading>> = {
  AWS_ACCESS_KEY_ID: ownCredentials,
  AWS_PROFILE: ownCredentials,
};

function ownCredentials(text: string): Meaning {
  return noEffect("STS is called with the host's own role alone, that of its instance metadata")(text);
}
