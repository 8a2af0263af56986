/*
 * What STS takes of each thing that a session can carry, checked here so that the workload or the setting that is wrong can be
 * named, which STS cannot. Lengths are in characters.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_RequestParameters
 */

/** A reason completes the sentence "…, because"; undefined: STS takes it. */
export type Fault = string | undefined;

interface TextLimit {
  readonly least: number;
  readonly most: number;
  readonly accepts: RegExp;
  /** Completes "may have …". */
  readonly characters: string;
}

const LETTERS = "letters, digits and _+=,.@-";
const TAG_CHARACTERS = "letters, digits, spaces and _.:/=+-@";
/** One character each. */
const WORD = /^[\w+=,.@-]$/;
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]$/u;

export const externalIdFault = limit({
  least: 2,
  most: 1224,
  accepts: /^[\w+=,.@:/-]$/,
  characters: "letters, digits and _+=,.@:/-",
});

const sourceWordFault = limit({ least: 2, most: 64, accepts: WORD, characters: LETTERS });
export const sourceIdentityFault = (text: string): Fault => reservedFault(text) ?? sourceWordFault(text);

const tagKeyTextFault = limit({ least: 1, most: 128, accepts: TAG, characters: TAG_CHARACTERS });
export const tagKeyFault = (key: string): Fault => reservedFault(key) ?? tagKeyTextFault(key);
export const tagValueFault = limit({ least: 0, most: 256, accepts: TAG, characters: TAG_CHARACTERS });

const POLICY_ARN = /^arn:aws(?:-[a-z]+)*:iam::(?:aws|\d{12}):policy\/[!-~]+$/;
const MOST_ARN = 2048;

/** Of a managed policy. */
export function policyArnFault(text: string): Fault {
  if (text.length > MOST_ARN) return `an ARN has at most ${MOST_ARN} characters, not ${text.length}`;
  return POLICY_ARN.test(text) ? undefined : `${quoted(text)} is no ARN of a policy (arn:aws:iam::ACCOUNT:policy/NAME)`;
}

export const MOST_POLICY_ARNS = 10;
export const MOST_TAGS = 50;
/** Of the inline policy and all policy ARNs together. */
export const MOST_POLICY_TEXT = 2048;

/** AWS keeps what begins so for itself, however it is spelled. */
const reservedFault = (text: string): Fault =>
  /^aws:/i.test(text) ? `${quoted(text)} begins with "aws:", which AWS keeps for itself` : undefined;

/** At most, in a string's length: what is longer than its limit so counted is so counted in characters, too, and is not looked through. */
const UNITS_OF_A_CHARACTER = 2;

function limit({ least, most, accepts, characters }: TextLimit): (text: string) => Fault {
  return (text) => {
    if (text.length > UNITS_OF_A_CHARACTER * most) return `it is longer than the ${most} characters that it may have`;
    const all = [...text];
    const bad = all.find((character) => !accepts.test(character));
    if (bad !== undefined) return `it has the character ${named(bad)}, and may have ${characters}`;
    if (all.length < least) return `it has ${all.length} characters, and needs ${least}`;
    return all.length > most ? `it has ${all.length} characters, and may have ${most}` : undefined;
  };
}

/** Of a text that may be a whole book. */
const MOST_QUOTED = 200;
const quoted = (text: string): string => JSON.stringify(text.slice(0, MOST_QUOTED));

/** "é" (U+00E9); an invisible one is only told by its number. */
function named(character: string): string {
  const number = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  return /[\p{C}\p{Z}]/u.test(character) ? number : `${quoted(character)} (${number})`;
}
