import type { Lab } from "../../e2e/support/lab.ts";
import { run } from "../../e2e/support/programs.ts";

const RULES = `
add table inet addressalone
delete table inet addressalone
table inet addressalone {
  chain prerouting {
    type nat hook prerouting priority -110
    iifname != "lo" ip daddr 169.254.169.254 tcp dport 80 redirect to :9254
    iifname != "lo" ip6 daddr fd00:ec2::254 tcp dport 80 redirect to :9254
  }
}
`;

/** How other tools do it: a redirect by one rule, nothing behind it, and whoever has an address is whose address it is. */
export class AddressAlone {
  readonly #lab: Pick<Lab, "instance" | "daemon">;

  constructor(lab: Pick<Lab, "instance" | "daemon">) {
    this.#lab = lab;
  }

  redirect = (): Promise<unknown> => this.onInstance(["nft", "-f", "-"], RULES);
  removeRedirect = (): Promise<unknown> => this.onInstance(["nft", "delete table inet addressalone"]);

  /** The daemon without interception of its own, behind the redirect. */
  async begin(): Promise<void> {
    await this.redirect();
    await this.#lab.daemon.start({ interception: "none", "metadata-tokens": "optional" });
  }

  /** The daemon as it is meant to run, in place of all that. */
  async end(): Promise<void> {
    await this.#lab.daemon.stop();
    await this.removeRedirect();
    await this.#lab.daemon.start({ "metadata-tokens": "optional" });
  }

  onInstance = (command: readonly string[], input = ""): Promise<string> =>
    run(this.#lab.instance.onInstance(...command), { input });
}
