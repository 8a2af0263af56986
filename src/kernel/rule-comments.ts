/**
 * Rules are shown in other words from version to version, so their words are not compared: a comment stands for its
 * rule, and whoever replaces a rule under our comment is root on this host and needs no such trick.
 *
 * @returns what differs between the comments of a chain's rules as they should be and as they are, in order
 */
export function commentDifferences(expected: readonly string[], found: readonly string[]): readonly string[] {
  const missing = expected.filter((comment) => !found.includes(comment));
  const added = found.filter((comment, place) => !expected.includes(comment) || found.indexOf(comment) !== place);
  const differences = [
    ...missing.map((comment) => `a rule is missing: ${comment}`),
    ...added.map((comment) => `a rule was added: ${comment}`),
  ];
  const inOrder = found.every((comment, place) => comment === expected[place]);
  return differences.length > 0 || inOrder ? differences : ["its rules are in another order"];
}

/** Of the set or chain with this name, by what each element is known: how many, not which. */
export function elementDifferences(
  name: string,
  expected: ReadonlySet<string>,
  found: ReadonlySet<string>,
): readonly string[] {
  const [missing, added] = [expected.difference(found).size, found.difference(expected).size];
  return [
    ...(missing > 0 ? [`${missing} of ${expected.size} elements are missing in ${name}`] : []),
    ...(added > 0 ? [`${added} elements were added to ${name}`] : []),
  ];
}
