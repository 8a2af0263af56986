import { styleText } from "node:util";
import type { Loot } from "../probe/theft.ts";
import { type Actor, expectedArnPrefix } from "./cast.ts";
import type { Identity } from "./who-am-i.ts";

/** Where the story is told. */
export type Say = (line?: string) => void;

const NAME_WIDTH = 9;
const SHOWN_WIDTH = 46;

export function tellSetting(say: Say, setting: { hostRoleArn: string; region: string; place: string }): void {
  say();
  say(styleText("bold", "An EC2 host, its role, and five workloads that want one of their own."));
  say();
  say(`  the host      in ${setting.region}, with the execution role ${setting.hostRoleArn}`);
  say(`  taskrole      ${setting.place}`);
  say();
  say("Each workload runs the same program: an AWS SDK as it comes, no keys, no profile.");
  say("It asks AWS one question: who am I?");
  say();
}

/** @returns whether AWS said what it should have */
export function tellIdentity(say: Say, actor: Actor, identity: Identity): boolean {
  const wanted = expectedArnPrefix(actor);
  const right = "arn" in identity ? wanted !== undefined && identity.arn.startsWith(wanted) : wanted === undefined;
  const answer = "arn" in identity ? identity.arn : `nobody: ${firstSentence(identity.none)}`;
  say(row(actor, right, answer));
  return right;
}

/** @returns whether the thief went away with nothing */
export function tellTheft(say: Say, actor: Actor, { attempts, stolen }: Pick<Loot, "attempts" | "stolen">): boolean {
  const right = stolen.length === 0 && attempts > 0;
  const answer = right
    ? `nothing, in ${attempts} attempts at the host's credentials`
    : `STOLE the host's credentials: ${stolen.join(", ") || "it never ran"}`;
  say(row(actor, right, answer));
  return right;
}

export function tellEnd(say: Say, good: boolean): void {
  say();
  if (good) {
    say(styleText("green", "Every workload is who it should be, and the host's role stayed with the host."));
    say('On a real host: README.md, "Set up a host". This demo again with real containers: --docker.');
  } else {
    say(styleText("red", "This is not what should happen: a workload has the wrong identity. Please report it."));
  }
}

const row = ({ name, shownAs }: Actor, right: boolean, answer: string): string =>
  `  ${mark(right)} ${name.padEnd(NAME_WIDTH)} ${styleText("dim", shownAs.padEnd(SHOWN_WIDTH))} ${answer}`;

const mark = (right: boolean): string => (right ? styleText("green", "✔") : styleText("red", "✘"));

const firstSentence = (text: string): string => text.split(/[.\n]/)[0] ?? text;
