import { StsIssuer } from "../../src/sts/sts-issuer.ts";
import { LIMITS, outcomeOf, SIGNING } from "./wire-driver.ts";

/** As a program: rounds of so many flights at once, "4,1", by one issuer and one after the other; the environment is its own. */
const [endpoint = "", rounds = ""] = process.argv.slice(2);
const issuer = new StsIssuer({
  region: () => Promise.resolve("eu-west-1"),
  endpoint: endpoint || undefined,
  hostCredentials: () => Promise.resolve(SIGNING),
  now: Date.now,
  environment: process.env,
  timeLimits: LIMITS,
});
const came: string[][] = [];
for (const round of rounds.split(",").map(Number)) {
  const outcomes = await Promise.all(Array.from({ length: round }, () => outcomeOf(issuer)));
  came.push(outcomes.map(({ text }) => text));
}
process.stdout.write(JSON.stringify(came));
process.exit();
