/** One change of the host. */
export type Action = Making | Removal;

type Making =
  | { readonly kind: "create-user"; readonly name: string }
  | { readonly kind: "make-folder"; readonly path: string }
  | WriteFile
  /** An earlier installation's, that somebody replaced by what this one would write: from now on it is what was installed. */
  | { readonly kind: "adopt-file"; readonly path: string; readonly sha256: string }
  /** From now on they start with the host. */
  | { readonly kind: "enable"; readonly units: readonly string[] }
  | { readonly kind: "start"; readonly units: readonly string[] }
  /** The daemon that runs is replaced; systemd keeps who connects meanwhile. */
  | { readonly kind: "restart"; readonly units: readonly string[] };

export type Removal =
  /** Stops them, and from now on they do not start with the host. */
  | { readonly kind: "disable"; readonly units: readonly string[] }
  /** What the daemon keeps of its own while the host runs: the key of the tokens above all. */
  | { readonly kind: "remove-runtime-directory"; readonly path: string }
  | { readonly kind: "remove-packet-rules" }
  | { readonly kind: "remove-file"; readonly path: string }
  | { readonly kind: "remove-folder"; readonly path: string }
  | { readonly kind: "remove-user"; readonly name: string }
  | { readonly kind: "remove-ip-rules" };

export interface WriteFile {
  readonly kind: "write-file";
  readonly path: string;
  readonly mode: number;
  readonly content: FileContent;
  readonly sha256: string;
  /** Of what it replaces. */
  readonly was: string | undefined;
}

export type FileContent = { readonly text: string } | { readonly copyOf: string };

/** For people: "create the user taskrole". */
export function wordsOf(action: Action): string {
  switch (action.kind) {
    case "create-user":
      return `create the user ${action.name}, who can neither log in nor own a home`;
    case "make-folder":
      return `make the folder ${action.path}`;
    case "write-file":
      return `${action.was === undefined ? "write" : "replace"} ${action.path}${"copyOf" in action.content ? " by a copy of this program" : ""}`;
    case "adopt-file":
      return `note ${action.path}, as it is now, as installed`;
    case "enable":
      return `have systemd start ${action.units.join(", ")} with the host`;
    case "start":
      return `start ${action.units.join(", ")}`;
    case "restart":
      return `restart ${action.units.join(", ")}`;
    default:
      return wordsOfRemoval(action);
  }
}

function wordsOfRemoval(action: Removal): string {
  switch (action.kind) {
    case "disable":
      return `stop ${action.units.join(", ")}, and not start them with the host any more`;
    case "remove-runtime-directory":
      return `remove ${action.path}, with the key of the metadata tokens`;
    case "remove-packet-rules":
      return "remove the packet rules (nft list ruleset shows no taskrole any more)";
    case "remove-file":
      return `remove ${action.path}`;
    case "remove-folder":
      return `remove the folder ${action.path}, if it is empty`;
    case "remove-user":
      return `remove the user ${action.name}`;
    case "remove-ip-rules":
      return "remove the ip rules: containers then reach the real metadata service";
  }
}
