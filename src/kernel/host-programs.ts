import { z } from "zod";
import { type CommandOptions, type CommandOutcome, type RunCommand, runCommand } from "../kit/run-command.ts";
import type { HostFacts } from "./host-facts.ts";
import { commandFailure, InterceptionError, refusalIn } from "./interception-error.ts";
import { type IpFamily, type ListedIpRule, listingArgv, parseIpRules } from "./ip-rules.ts";
import { type IptablesListing, parseIptablesListing } from "./iptables-listing.ts";
import { savingArgv } from "./iptables-rules.ts";
import { entriesOf, parseTableListing, type TableListing } from "./nft-listing.ts";
import { type NftTable, tableName } from "./nft-table.ts";

/**
 * The environment that these programs are run in: messages in English, and the directories they are installed in, which
 * the PATH of anyone but root often lacks (Debian).
 */
export const programEnvironment = (): Readonly<Record<string, string | undefined>> => ({
  ...process.env,
  LC_ALL: "C",
  PATH: `${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`,
});

/** A listing of 10,000 links or bindings takes some 8 MB. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export const runHostProgram: RunCommand = (argv, options) =>
  runCommand(argv, { env: programEnvironment(), maxOutputBytes: MAX_OUTPUT_BYTES, ...options });

/** nft, ip, iptables and ip6tables, with every failure an {@link InterceptionError}. */
export class HostPrograms {
  readonly #run: RunCommand;
  readonly #readHost: () => HostFacts;

  constructor(run: RunCommand, readHost: () => HostFacts) {
    this.#run = run;
    this.#readHost = readHost;
  }

  /** Runs to success, and gives what was printed. */
  async run(argv: readonly string[], options?: CommandOptions): Promise<string> {
    const outcome = await this.#run(argv, options);
    return succeeded(outcome) ? outcome.stdout : this.#fail(argv, outcome);
  }

  /** What was printed; undefined when there is no such program, or when this kernel lacks what it is for. */
  async runIfUsable(argv: readonly string[]): Promise<string | undefined> {
    const outcome = await this.#run(argv);
    if (succeeded(outcome)) return outcome.stdout;
    if (outcome.kind === "missing" || isRefusal(outcome, this.#readHost())) return undefined;
    return this.#fail(argv, outcome);
  }

  /** Why the program did not do it, for where that is no failure; undefined when it did. */
  async refusal(argv: readonly string[], options?: CommandOptions): Promise<string | undefined> {
    return refusalIn(await this.#run(argv, options));
  }

  async listIptables(family: IpFamily): Promise<IptablesListing> {
    return parseIptablesListing(await this.run(savingArgv(family)));
  }

  /** Nothing where iptables does not work. */
  async listIptablesIfAny(family: IpFamily): Promise<IptablesListing> {
    return parseIptablesListing((await this.runIfUsable(savingArgv(family))) ?? "");
  }

  /** By name. */
  async listInterfaces(): Promise<ReadonlySet<string>> {
    const argv = ["ip", "-j", "link", "show"];
    return new Set(read(argv, parseLinks(await this.run(argv))));
  }

  /** Undefined when there is no such table. */
  async listTable(table: NftTable): Promise<TableListing | undefined> {
    const argv = ["nft", "-j", "list", "table", ...tableName(table).split(" ")];
    const outcome = await this.#run(argv);
    if (succeeded(outcome)) return read(argv, parseTableListing(outcome.stdout));
    if (await this.#hasTable(table)) return this.#fail(argv, outcome);
    return undefined;
  }

  /**
   * The same without the elements of its sets, of which there may be thousands. Undefined when there is no such table.
   *
   * By its family: nft 1.0.6 reads all elements for `list table`, and shows none of them (26 ms with 1,000, instead of 4).
   */
  async listTableBriefly(table: NftTable): Promise<TableListing | undefined> {
    const argv = ["nft", "-j", "-t", "list", "ruleset", table.family];
    const listed = entriesOf(table, read(argv, parseTableListing(await this.run(argv))));
    return listed.length === 0 ? undefined : listed;
  }

  async listIpRules(family: IpFamily): Promise<readonly ListedIpRule[]> {
    const argv = listingArgv(family);
    return read(argv, parseIpRules(await this.run(argv)));
  }

  /** nft ends with code 1 for a table that is not there and for any other trouble: only a list of all tells which. */
  async #hasTable({ family, name }: NftTable): Promise<boolean> {
    const argv = ["nft", "-j", "list", "tables"];
    const tables = read(argv, parseTableListing(await this.run(argv)));
    return tables.some(({ table }) => table?.family === family && table.name === name);
  }

  #fail(argv: readonly string[], outcome: CommandOutcome): never {
    throw new InterceptionError(commandFailure(argv, { outcome, mayChangeNetwork: this.#readHost().mayChangeNetwork }));
  }
}

const isRefusal = (outcome: CommandOutcome, { mayChangeNetwork }: HostFacts): boolean =>
  outcome.kind === "exited" && mayChangeNetwork;

const succeeded = (outcome: CommandOutcome): outcome is Extract<CommandOutcome, { kind: "exited" }> =>
  outcome.kind === "exited" && outcome.code === 0;

function read<T>(argv: readonly string[], parsed: T | undefined): T {
  if (parsed === undefined) throw new InterceptionError({ kind: "unreadable", command: argv.join(" ") });
  return parsed;
}

const Links = z.array(z.object({ ifname: z.string() }));

function parseLinks(json: string): readonly string[] | undefined {
  try {
    return Links.parse(JSON.parse(json)).map(({ ifname }) => ifname);
  } catch {
    return undefined;
  }
}
