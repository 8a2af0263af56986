/** One value somebody wrote, and where, for the message when it is wrong. */
export interface Setting {
  readonly name: string;
  readonly value: unknown;
  /** "config.yaml:3", "environment variable TASKROLE_LISTEN", "flag --listen" */
  readonly place: string;
  /** Of a part of the value, where it stands apart: a line of a file. */
  readonly placeOf?: (path: readonly PropertyKey[]) => string;
}
