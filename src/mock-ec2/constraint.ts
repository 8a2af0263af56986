/** The limits of one text parameter, as AWS's service model states them. */
export interface TextRule {
  /** As AWS's complaint names it: the parameter with a small first letter. */
  readonly member: string;
  readonly required?: true;
  /** In characters. */
  readonly min: number;
  readonly max: number;
  readonly accepts: RegExp;
  /** As AWS's complaint writes what `accepts` says. */
  readonly pattern: string;
}

/** One sentence of a ValidationError. */
export type Complaint = string;

/** Every limit that the value breaks; null is a parameter that was not sent. */
export function checkText(rule: TextRule, value: string | null): Complaint[] {
  if (value === null) return rule.required ? [`Value null at '${rule.member}' ${FAILED} Member must not be null`] : [];
  const complain = (limit: string): Complaint => `Value '${value}' at '${rule.member}' ${FAILED} Member must ${limit}`;
  const length = [...value].length;
  return [
    ...(rule.accepts.test(value) ? [] : [complain(`satisfy regular expression pattern: ${rule.pattern}`)]),
    ...(length < rule.min ? [complain(`have length greater than or equal to ${rule.min}`)] : []),
    ...(length > rule.max ? [complain(`have length less than or equal to ${rule.max}`)] : []),
  ];
}

const FAILED = "failed to satisfy constraint:";
