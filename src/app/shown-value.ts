/** Of what is wrong, to know it by. */
const MOST_SHOWN = 200;

/** What stands at a path in a value, for the end of a mistake: "it is …". */
export function shownValue(value: unknown, path: readonly PropertyKey[]): string {
  const inner = JSON.stringify(path.reduce<unknown>((at, key) => Object(at)[key], value)) ?? "not there";
  return inner.length > MOST_SHOWN ? `${inner.slice(0, MOST_SHOWN)}…` : inner;
}
