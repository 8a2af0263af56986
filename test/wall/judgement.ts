import assert from "node:assert/strict";
import type { Attempt } from "./attempts.ts";
import { CANARY, HARMLESS, UPSTREAM_TOKEN } from "./host-documents.ts";
import type { Answer, Exchanged } from "./raw-exchange.ts";
import { MARK, type Owed } from "./spellings.ts";

/** Who was answered. */
export interface Answered {
  readonly is: "workload" | "nobody";
  /** Undefined for one that has none. */
  readonly role?: string;
}

/** What a whole answer turned out to be. */
export type Kind =
  | `refused ${number}`
  /** To a HEAD. */
  | `head ${number}`
  | "head of container credentials"
  | "metadata token"
  | "versions"
  | "role name"
  | "credentials"
  | "container credentials"
  | "iam info"
  | "iam listing"
  | "listing"
  | `leaf ${string}`;

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface JudgeOptions {
  readonly metadataTokens: "optional" | "required";
  /** The role, as STS knows it, whose session these keys are. */
  readonly roleOfKeys: (keys: Keys) => Promise<string>;
}

const NOT_NOW: Kind = "refused 503";

/** Of all statuses only these; 500 is a bug, and a redirect, a 408 or a 429 misleads clients. */
const STATUSES: ReadonlySet<number> = new Set([200, 400, 401, 403, 404, 405, 413, 417, 431, 503, 505]);

const FIELDS: ReadonlyMap<string, RegExp> = new Map([
  ["content-type", /^(?:text\/(?:plain|html)|application\/json)$/],
  ["accept-ranges", /^none$/],
  ["server", /^EC2ws$/],
  ["date", /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/],
  ["content-length", /^\d+$/],
  ["connection", /^(?:close|keep-alive)$/],
  ["allow", /^(?:GET, HEAD, PUT|PUT)$/],
  ["x-aws-ec2-metadata-token-ttl-seconds", /^\d{1,5}$/],
]);

const ERROR_PAGE = `\
<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>TITLE</title>
 </head>
 <body>
  <h1>TITLE</h1>
 </body>
</html>
`;

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
const CREDENTIALS = new RegExp(
  String.raw`^\{\n  "Code" : "Success",\n  "LastUpdated" : "${TIME}",\n  "Type" : "AWS-HMAC",\n  "AccessKeyId" : "(ASIA\w+)",\n  "SecretAccessKey" : "([\w+/]+)",\n  "Token" : "([\w+/=]+)",\n  "Expiration" : "${TIME}"\n\}$`,
);
const CONTAINER_CREDENTIALS = new RegExp(
  String.raw`^\{"RoleArn":"arn:aws:iam::(\d{12}):role/[\w/-]+","AccessKeyId":"(ASIA\w+)","SecretAccessKey":"([\w+/]+)","Token":"([\w+/=]+)","Expiration":"${TIME}","AccountId":"\1","Code":"Success"\}$`,
);
/** One of a few sentences. */
const CONTAINER_ERROR = /^\{"code":"[A-Z][A-Za-z]+","message":"[a-z ;GET]+"\}$/;
const IAM_INFO = new RegExp(
  String.raw`^\{\n  "Code" : "Success",\n  "LastUpdated" : "${TIME}",\n  "InstanceProfileArn" : "arn:aws:iam::\d{12}:instance-profile/([\w-]+)",\n  "InstanceProfileId" : "AIPA[A-Z0-9]{17}"\n\}$`,
);
const METADATA_TOKEN = /^[A-Za-z0-9+/]{54}==$/;
const LEAF_OF_TEXT: ReadonlyMap<string, string> = new Map([...HARMLESS].map(([path, text]) => [text, path]));
const LISTINGS: ReadonlyMap<string, Kind> = new Map([
  ["1.0\n2007-01-19\n2024-04-11\nlatest", "versions"],
  ["info\nsecurity-credentials/", "iam listing"],
  ["dynamic\nmeta-data", "listing"],
  ["fws/\ninstance-identity/", "listing"],
  ["document", "listing"],
  ["ami-id\ninstance-id\nplacement/", "listing"],
  ["ami-id\niam/\ninstance-id\nplacement/", "listing"],
]);

/** Says of each answer what it is, and fails at whatever is not one of the few things that it may be. */
export class Judge {
  readonly #options: JudgeOptions;
  /** Nothing with one of these in it may reach a workload. */
  readonly #secrets = new Set<string>([UPSTREAM_TOKEN]);
  /** Key ids, each with all its keys and whose they are. */
  readonly #sessions = new Map<string, Promise<string>>();
  /** Of each role, the secrets that nobody else may see. */
  readonly #secretsOfRole = new Map<string, Set<string>>();

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** @param text a key, a token: a secret of the host's */
  guard(text: string): void {
    this.#secrets.add(text);
  }

  /** For a text that nobody but the operator reads, and that must hold no secret all the same. */
  assertNoSecretIn(text: string): void {
    for (const secrets of [this.#secrets, ...this.#secretsOfRole.values()]) {
      for (const secret of secrets) assert.ok(!text.includes(secret), "it holds a secret");
    }
  }

  /** @returns what the answers are; @throws AssertionError */
  async judge(attempt: Attempt, to: Answered, { received, answers, fault }: Exchanged): Promise<readonly Kind[]> {
    assert.equal(fault, undefined);
    assert.ok(answers.length > 0, "there is no answer");
    this.#assertNothingSecret(received, to);
    const kinds = await Promise.all(answers.map((answer) => this.#kindOf(answer, to, attempt)));
    if (to.is === "nobody")
      assert.deepEqual(
        answers.filter(({ status }) => status === 200),
        [],
        "nobody is served",
      );
    else if (attempt.delivery === "after an innocent") {
      assertServed(kinds[0], "leaf meta-data/instance-id", "the innocent request before it");
    }
    if (this.#needsAnotherToken(attempt)) {
      assert.match(
        kinds.at(-1) ?? "",
        /^(?:refused|head) [45]|^metadata token$|^container credentials$|^head of container credentials$/,
        "served without a token of its own",
      );
    }
    if (attempt.owed !== undefined) assertServed(kinds.at(-1), kindOwed(attempt.owed), "what every client may ask for");
    return kinds;
  }

  /** A line end of the case's own may make two requests of one, the first of them without any token. */
  #needsAnotherToken({ token, method, target, version, fields }: Attempt): boolean {
    if (/[\r\n]/.test(method + target + version + fields.join(""))) return false;
    return token === "none" ? this.#options.metadataTokens === "required" : token !== "own";
  }

  #assertNothingSecret(received: string, { role }: Answered): void {
    const upper = received.toUpperCase();
    assert.ok(!upper.includes(CANARY), "it holds a canary");
    assert.ok(!upper.includes(MARK.toUpperCase()), "it echoes what was sent");
    for (const secret of this.#secrets) assert.ok(!received.includes(secret), "it holds a secret of the host");
    for (const [owner, secrets] of this.#secretsOfRole) {
      if (owner === role) continue;
      for (const secret of secrets) assert.ok(!received.includes(secret), `it holds a secret of ${owner}`);
    }
  }

  async #kindOf(answer: Answer, to: Answered, { method }: Attempt): Promise<Kind> {
    const { status, fields, body } = answer;
    assert.ok(STATUSES.has(status), `status ${status}`);
    for (const [name, value] of fields) assert.match(value, FIELDS.get(name) ?? /^never$/, `field ${name}`);
    if (body === "" && method.includes("HEAD"))
      return isJson(fields) ? "head of container credentials" : `head ${status}`;
    if (status === 200) return this.#kindOfDocument(body, to);
    assert.ok(isErrorPage(status, body), "not the page of errors");
    return `refused ${status}`;
  }

  async #kindOfDocument(body: string, to: Answered): Promise<Kind> {
    const leaf = LEAF_OF_TEXT.get(body);
    if (leaf !== undefined) return `leaf ${leaf}`;
    const listing = LISTINGS.get(body);
    if (listing !== undefined) return listing;
    if (METADATA_TOKEN.test(body)) return "metadata token";
    if (to.role !== undefined && body === to.role) return "role name";
    const profile = IAM_INFO.exec(body)?.[1];
    if (profile !== undefined) {
      assert.equal(profile, to.role, "the instance profile of another");
      return "iam info";
    }
    return this.#kindOfCredentials(body, to);
  }

  async #kindOfCredentials(body: string, to: Answered): Promise<Kind> {
    const [, accessKeyId, secretAccessKey = "", sessionToken = ""] = CREDENTIALS.exec(body) ?? [];
    if (accessKeyId !== undefined) {
      assert.equal(await this.#ownerOf({ accessKeyId, secretAccessKey, sessionToken }), to.role, OF_ANOTHER);
      return "credentials";
    }
    const [, , keyId = "", secret = "", token = ""] = CONTAINER_CREDENTIALS.exec(body) ?? [];
    assert.notEqual(keyId, "", `a document that nobody knows: ${JSON.stringify(body.slice(0, 300))}`);
    const keys = { accessKeyId: keyId, secretAccessKey: secret, sessionToken: token };
    assert.equal(await this.#ownerOf(keys), to.role, OF_ANOTHER);
    return "container credentials";
  }

  /** STS is asked once for each set of keys. */
  #ownerOf(keys: Keys): Promise<string> {
    const all = JSON.stringify(keys);
    const known = this.#sessions.get(all);
    if (known !== undefined) return known;
    const owner = this.#options.roleOfKeys(keys).then((role) => {
      const secrets = this.#secretsOfRole.get(role) ?? new Set();
      this.#secretsOfRole.set(role, secrets.add(keys.secretAccessKey).add(keys.sessionToken));
      return role;
    });
    this.#sessions.set(all, owner);
    return owner;
  }
}

/** Of all documents theirs alone is said to be JSON. */
const isJson = (fields: Answer["fields"]): boolean =>
  fields.some(([name, value]) => name.toLowerCase() === "content-type" && value === "application/json");

const OF_ANOTHER = "credentials of another";

function isErrorPage(status: number, body: string): boolean {
  const title = /<title>(\d{3} - [A-Z][A-Za-z ]+)<\/title>/.exec(body)?.[1] ?? "";
  if (title.startsWith(`${status} - `) && body === ERROR_PAGE.replaceAll("TITLE", title)) return true;
  return CONTAINER_ERROR.test(body);
}

/** On a machine that is busy with other things, the upstream may be too late for the daemon: it may then say "not now". */
const assertServed = (kind: Kind | undefined, expected: Kind, what: string): void => {
  if (kind !== NOT_NOW) assert.equal(kind, expected, what);
};

const kindOwed = (owed: Owed): Kind => {
  if (typeof owed === "string") return owed;
  // Two leaves have the same text.
  return `leaf ${LEAF_OF_TEXT.get(HARMLESS.get(owed.leaf) ?? "") ?? ""}`;
};
