import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EC2METAPROXY } from "../../src/compat/ec2metaproxy.ts";
import { IAM_DOCKER } from "../../src/compat/iam-docker.ts";
import { METADATAPROXY } from "../../src/compat/metadataproxy.ts";
import type { Profile } from "../../src/compat/profile.ts";

const OWN = ["region", "listen"];
const words = (line: string): readonly string[] => line.split(" ").filter((word) => word !== "");
const settingsOf = (profile: Profile, line: string) =>
  Object.fromEntries(profile.fromArguments(words(line), OWN).settings.map(({ name, value }) => [name, value]));
const mistakesOf = (profile: Profile, line: string) => profile.fromArguments(words(line), OWN).mistakes;
const notesOf = (profile: Profile, line: string) =>
  profile.fromArguments(words(line), OWN).notes.map(({ place, says }) => `${place} ${says}`);

const ARN = "arn:aws:iam::111122223333:role/app";
const DENY = '{"Version":"2012-10-17","Statement":[]}';

describe("each flag becomes the setting that means the same, in each of its tool's spellings", () => {
  const rows: readonly (readonly [Profile, string, object])[] = [
    [EC2METAPROXY, `--default-iam-role ${ARN} docker`, { defaultRole: ARN }],
    [EC2METAPROXY, `docker --default-iam-role=${ARN}`, { defaultRole: ARN }],
    [EC2METAPROXY, `-r ${ARN} -s :18001 docker`, { defaultRole: ARN, listen: "[::]:18001" }],
    [EC2METAPROXY, `-r${ARN}`, { defaultRole: ARN }],
    [EC2METAPROXY, `--default-iam-policy ${DENY}`, { defaultPolicy: DENY }],
    [EC2METAPROXY, "--default-iam-role= --default-iam-policy= docker", {}],
    [EC2METAPROXY, "--server 0.0.0.0:18000", { listen: "[::]:18000" }],
    [EC2METAPROXY, "--server 172.17.0.1:1", { listen: "172.17.0.1:1" }],
    [EC2METAPROXY, "--server localhost:1", { listen: "localhost:1" }],
    [EC2METAPROXY, "--metadata-url http://127.0.0.1:1", { metadataUrl: "http://127.0.0.1:1" }],
    [EC2METAPROXY, "docker --docker-endpoint unix:///x", { dockerEndpoint: "unix:///x" }],
    [EC2METAPROXY, "--verbose docker", { logLevel: "debug" }],
    [EC2METAPROXY, "--no-verbose docker", {}],
    [EC2METAPROXY, `--proxy-port 18002 --default-iam-role ${ARN}`, { listen: "[::]:18002", defaultRole: ARN }],
    [EC2METAPROXY, "", {}],
    [IAM_DOCKER, "-listen-addr :8080", { listen: "[::]:8080" }],
    [IAM_DOCKER, "--listen-addr=127.0.0.1:8080", { listen: "127.0.0.1:8080" }],
    [IAM_DOCKER, "-meta-data-api http://169.254.169.254:80", { metadataUrl: "http://169.254.169.254:80" }],
    [IAM_DOCKER, "-disable-upstream", { metadataPaths: { deny: ["dynamic", "meta-data", "user-data"] } }],
    [IAM_DOCKER, "--disable-upstream=T", { metadataPaths: { deny: ["dynamic", "meta-data", "user-data"] } }],
    [IAM_DOCKER, "-disable-upstream=false -verbose=1", { logLevel: "debug" }],
    [IAM_DOCKER, "-verbose -listen-addr :1 -listen-addr :2", { logLevel: "debug", listen: "[::]:2" }],
  ];
  for (const [profile, line, settings] of rows)
    it(`${line}: ${JSON.stringify(settings)}`, () => {
      assert.deepEqual(settingsOf(profile, line), settings);
      assert.deepEqual(mistakesOf(profile, line), []);
    });

  it("the place is the flag as its tool spells it", () => {
    const placesOf = (profile: Profile, line: string) =>
      profile.fromArguments(words(line), OWN).settings.map(({ place }) => place);
    assert.deepEqual(placesOf(EC2METAPROXY, "-s :1 --server :2"), [
      "flag -s (ec2metaproxy)",
      "flag --server (ec2metaproxy)",
    ]);
    assert.deepEqual(placesOf(IAM_DOCKER, "--listen-addr :1"), ["flag -listen-addr (iam-docker)"]);
  });
});

describe("an address of its own to listen on", () => {
  for (const [profile, line, address] of [
    [EC2METAPROXY, "--server 172.17.0.1:18000", "172.17.0.1:18000"],
    [IAM_DOCKER, "-listen-addr [fd00::1]:8080", "[fd00::1]:8080"],
  ] as const)
    it(`${line}: is kept, and it is said that one bridge alone has it`, () => {
      assert.deepEqual(settingsOf(profile, line), { listen: address });
      assert.match(
        notesOf(profile, line).join(),
        /is one address of the host: containers of networks whose bridge has another/,
      );
    });

  for (const [profile, line] of [
    [EC2METAPROXY, "--server :18000"],
    [EC2METAPROXY, "--server [::]:18000"],
    [EC2METAPROXY, "--proxy-port 18000"],
    [IAM_DOCKER, "-listen-addr 0.0.0.0:8080"],
  ] as const)
    it(`${line}: every address, and nothing to say`, () => assert.deepEqual(notesOf(profile, line), []));
});

describe("what has no effect is said, flag by flag", () => {
  for (const [profile, line, says] of [
    [
      EC2METAPROXY,
      "--container-iface docker0",
      /^flag --container-iface \(ec2metaproxy\) has no effect: .*every network/,
    ],
    [EC2METAPROXY, "--proxy-iface docker0", /every network/],
    [EC2METAPROXY, "--metadata-ip 169.254.169.254", /always 169\.254\.169\.254/],
    [EC2METAPROXY, "--metadata-port 80", /always 169\.254\.169\.254/],
    [EC2METAPROXY, "--image dump247/ec2metaproxy", /no container is started/],
    [EC2METAPROXY, "--container-name ec2metaproxy", /no container is started/],
    [EC2METAPROXY, "--flynn-endpoint http://127.0.0.1:1113", /Flynn is not asked/],
    [IAM_DOCKER, "-read-timeout 1m", /^flag -read-timeout \(iam-docker\) has no effect: /],
    [IAM_DOCKER, "-write-timeout 1m", /5 seconds/],
    [IAM_DOCKER, "-event-handlers 4", /events are followed/],
    [IAM_DOCKER, "-queue-size 10000", /events are followed/],
    [IAM_DOCKER, "-docker-sync-period 0", /list is read anew/],
    [IAM_DOCKER, "-credential-refresh-period=1m", /renewed at half its life/],
  ] as const)
    it(line, () => {
      const notes = notesOf(profile, line);
      assert.equal(notes.length, 1);
      assert.match(notes[0] ?? "", says);
      assert.deepEqual([settingsOf(profile, line), mistakesOf(profile, line)], [{}, []]);
    });
});

describe("a flag or word that is none of the tool's is a mistake that names it, once", () => {
  for (const [profile, line, says] of [
    [
      EC2METAPROXY,
      "--defualt-iam-role x docker",
      "flag --defualt-iam-role (ec2metaproxy) is no flag of ec2metaproxy's nor of taskrole's; did you mean \"--default-iam-role\"?",
    ],
    [
      EC2METAPROXY,
      "--regoin=eu-west-1",
      "flag --regoin (ec2metaproxy) is no flag of ec2metaproxy's nor of taskrole's; did you mean \"--region\"?",
    ],
    [EC2METAPROXY, "-x", "flag -x (ec2metaproxy) is no flag of ec2metaproxy's nor of taskrole's"],
    [EC2METAPROXY, "--server", "flag --server (ec2metaproxy) needs a value"],
    [
      EC2METAPROXY,
      "dokcer",
      'argument "dokcer" (ec2metaproxy) is no word of ec2metaproxy\'s: it has the subcommand docker',
    ],
    [EC2METAPROXY, "--constructor", "flag --constructor (ec2metaproxy) is no flag of ec2metaproxy's nor of taskrole's"],
    [
      IAM_DOCKER,
      "-lisen-addr :8080",
      "flag -lisen-addr (iam-docker) is no flag of iam-docker's nor of taskrole's; did you mean \"-listen-addr\"?",
    ],
    [IAM_DOCKER, "-disable-upstream=yes", 'flag -disable-upstream (iam-docker) must be true or false; it is "yes"'],
    [
      IAM_DOCKER,
      "-disable-upstream false",
      'argument "false" (iam-docker) is no flag: iam-docker takes flags alone, and a switch its value behind =',
    ],
  ] as const)
    it(line, () => assert.deepEqual(mistakesOf(profile, line), [says]));

  it("flynn cannot be had, and what can is said", () => {
    const [mistake = ""] = mistakesOf(EC2METAPROXY, "--default-iam-role x flynn");
    assert.match(mistake, /^argument "flynn" .* cannot be had: .*docker instead, or give roleMapFile/);
  });
});

describe("credentials of the tool's own", () => {
  for (const [tool, profile] of [
    ["metadataproxy", METADATAPROXY],
    ["ec2metaproxy", EC2METAPROXY],
    ["iam-docker", IAM_DOCKER],
  ] as const)
    it(`${tool}: those of its environment are not used, which is said, and no secret with it`, () => {
      const environment = { AWS_ACCESS_KEY_ID: "AKIAX", AWS_SECRET_ACCESS_KEY: "s3cret", AWS_PROFILE: "" };
      const { notes, settings, mistakes } = profile.fromEnvironment(environment);
      assert.deepEqual([settings, mistakes], [[], []]);
      assert.deepEqual(notes, [
        {
          place: `environment variable AWS_ACCESS_KEY_ID (${tool})`,
          says: "has no effect: STS is called with the host's own role alone, that of its instance metadata",
        },
      ]);
    });
});

describe("the variables of Docker's own client, which iam-docker heeds", () => {
  it("DOCKER_HOST is the endpoint", () => {
    const { settings } = IAM_DOCKER.fromEnvironment({ DOCKER_HOST: "tcp://127.0.0.1:2375", DEFAULT_ROLE: "x" });
    assert.deepEqual(settings, [
      { name: "dockerEndpoint", value: "tcp://127.0.0.1:2375", place: "environment variable DOCKER_HOST (iam-docker)" },
    ]);
  });

  it("DOCKER_TLS_VERIFY is refused, unless it is empty; ec2metaproxy heeds neither", () => {
    assert.match(IAM_DOCKER.fromEnvironment({ DOCKER_TLS_VERIFY: "1" }).mistakes[0] ?? "", /TLS is not spoken/);
    assert.deepEqual(IAM_DOCKER.fromEnvironment({ DOCKER_TLS_VERIFY: "" }).mistakes, []);
    const environment = { DOCKER_HOST: "tcp://127.0.0.1:2375", DOCKER_TLS_VERIFY: "1" };
    assert.deepEqual(EC2METAPROXY.fromEnvironment(environment), { settings: [], notes: [], mistakes: [] });
  });
});
