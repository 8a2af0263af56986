/** A start that cannot go on: a sentence with the thing, the place and the remedy, for the operator's eyes. */
export class StartError extends Error {
  override readonly name = "StartError";
}
