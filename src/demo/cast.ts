/** A workload of the demo: how its role was written, and what AWS must say of it. */
export interface Actor {
  readonly name: string;
  /** What an operator wrote; undefined for a workload without role. */
  readonly role?: string;
  /** As in `docker run`. */
  readonly shownAs: string;
  /** The role in the ARN that AWS must answer with; undefined: no credentials at all. */
  readonly expectedRole?: string;
  readonly accountId?: string;
}

/** The account that the mock EC2's instance lives in. */
const HOME_ACCOUNT = "111122223333";
const OTHER_ACCOUNT = "444455556666";

export const ACTORS: readonly Actor[] = [
  {
    name: "web",
    role: "web-reader",
    shownAs: "--label taskrole.role=web-reader",
    expectedRole: "web-reader",
    accountId: HOME_ACCOUNT,
  },
  {
    name: "reports",
    role: "team/reports-writer",
    shownAs: "--env IAM_ROLE=team/reports-writer",
    expectedRole: "reports-writer",
    accountId: HOME_ACCOUNT,
  },
  {
    name: "ci",
    role: `deployer@${OTHER_ACCOUNT}`,
    shownAs: `--label taskrole.role=deployer@${OTHER_ACCOUNT}`,
    expectedRole: "deployer",
    accountId: OTHER_ACCOUNT,
  },
  { name: "plain", shownAs: "(names no role)" },
];

export const THIEF: Actor = { name: "thief", shownAs: "(names no role, wants the host's)" };

/** "arn:aws:sts::111122223333:assumed-role/web-reader/web-…", without the session's name. */
export const expectedArnPrefix = ({ expectedRole, accountId }: Actor): string | undefined =>
  expectedRole === undefined ? undefined : `arn:aws:sts::${accountId}:assumed-role/${expectedRole}/`;
