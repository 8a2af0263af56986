import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { METADATAPROXY } from "../../src/compat/metadataproxy.ts";

type Variables = Readonly<Record<string, string>>;

const read = (variables: Variables) => METADATAPROXY.fromEnvironment(variables);
const settingsOf = (variables: Variables) =>
  Object.fromEntries(read(variables).settings.map(({ name, value }) => [name, value]));

describe("each variable of metadataproxy becomes the setting that means the same", () => {
  const rows: readonly (readonly [Variables, object])[] = [
    [{ DEFAULT_ROLE: "team/app@prod" }, { defaultRole: "team/app@prod" }],
    [{ DEFAULT_ACCOUNT_ID: "044455556666" }, { defaultAccountId: "044455556666" }],
    [{ AWS_ACCOUNT_MAP: '{"prod":"044455556666"}' }, { accounts: { prod: "044455556666" } }],
    [{ AWS_ACCOUNT_MAP: '{"prod":444455556666}' }, { accounts: { prod: "444455556666" } }],
    [{ AWS_ACCOUNT_MAP: "{prod" }, { accounts: "{prod" }],
    [{ AWS_ACCOUNT_MAP: '["prod"]' }, { accounts: ["prod"] }],
    [{ AWS_REGION: "eu-west-1" }, { region: "eu-west-1" }],
    [{ DOCKER_URL: "unix://var/run/docker.sock" }, { dockerEndpoint: "unix:///var/run/docker.sock" }],
    [{ DOCKER_URL: "unix:///var/run/docker.sock" }, { dockerEndpoint: "unix:///var/run/docker.sock" }],
    [{ DOCKER_URL: "http+unix://var/run/docker.sock" }, { dockerEndpoint: "unix:///var/run/docker.sock" }],
    [{ DOCKER_URL: "tcp://127.0.0.1:2375" }, { dockerEndpoint: "tcp://127.0.0.1:2375" }],
    [{ METADATA_URL: "http://10.0.0.1:8080" }, { metadataUrl: "http://10.0.0.1:8080" }],
    [{ MOCKED_INSTANCE_ID: "mockedid" }, { mockInstanceId: "i-mockedid" }],
    [{ ROLE_MAPPING_FILE: "/etc/roles.json" }, { roleMapFile: "/etc/roles.json" }],
    [{ ROLE_SESSION_KEY: "Labels:com.example/who" }, { sessionName: "{label:com.example/who}" }],
    [{ ROLE_SESSION_KEY: "Env:WHO" }, { sessionName: "{env:WHO}" }],
    [{ DEBUG: "True" }, { logLevel: "debug" }],
    [{ PORT: "45001" }, { listen: "[::]:45001" }],
    [{ HOST: "0.0.0.0" }, { listen: "[::]:8000" }],
    [{ HOST: "172.17.0.1", PORT: "" }, { listen: "172.17.0.1:8000" }],
    [{ HOST: "::1", PORT: "81" }, { listen: "[::1]:81" }],
    [{ HOST: "", PORT: "" }, {}],
    [{ DEFAULT_ROLE: "", AWS_REGION: "", DOCKER_URL: "", ROLE_MAPPING_FILE: "", ROLE_SESSION_KEY: "" }, {}],
    [{ IAM_ROLE: "not/its", DEFAULT_ROLES: "x", TASKROLE_DEFAULT_ROLE: "x", default_role: "x" }, {}],
  ];
  for (const [variables, settings] of rows)
    it(`${JSON.stringify(variables)}: ${JSON.stringify(settings)}`, () => {
      assert.deepEqual(settingsOf(variables), settings);
      assert.deepEqual(read(variables).mistakes, []);
    });

  it("names the variable as the place, and both where two are one setting", () => {
    const places = read({ DEFAULT_ROLE: "r", HOST: "127.0.0.1", PORT: "1" }).settings.map(({ place }) => place);
    assert.deepEqual(places, [
      "environment variable DEFAULT_ROLE (metadataproxy)",
      "environment variables HOST and PORT (metadataproxy)",
    ]);
  });
});

describe("a boolean is read as metadataproxy reads it", () => {
  for (const text of ["False", "false", "0", ""])
    it(`${JSON.stringify(text)} is false`, () => assert.deepEqual(settingsOf({ MOCK_API: text }), {}));
  for (const text of ["True", "true", "1", "no", "FALSE", "off", "None", " "])
    it(`${JSON.stringify(text)} is true`, () => assert.deepEqual(settingsOf({ MOCK_API: text }), { mock: true }));
});

describe("what is not as it was is said", () => {
  for (const name of [
    ...[
      "WORKERS",
      "GUNICORN_CONFIG",
      "GEVENT_REQUEST_TIMEOUT_MS",
      "FORWARDED_ALLOW_IPS",
      "LOGGING_CONF_FILE",
      "RELOAD",
    ],
    ...["RELOAD_EXTRA_FILES", "ROLE_EXPIRATION_THRESHOLD", "HOSTNAME_MATCH_REGEX", "MESOS_STATE_URL"],
    ...["MESOS_STATE_TIMEOUT", "PATCH_ECS_ALLOWED_HOSTS"],
  ])
    it(`${name} has no effect, and no note where it is empty`, () => {
      const { settings, mistakes, notes } = read({ [name]: "1" });
      assert.deepEqual([settings, mistakes, notes.length], [[], [], 1]);
      assert.match(`${notes[0]?.place} ${notes[0]?.says}`, RegExp(`^environment variable ${name} .* has no effect: .`));
      assert.deepEqual(read({ [name]: "" }).notes, []);
    });

  it("MOCK_API makes up STS too, a role map is not for containers, and a session key without its prefix does nothing here either", () => {
    assert.match(read({ MOCK_API: "true" }).notes[0]?.says ?? "", /makes up STS as well/);
    assert.match(read({ ROLE_MAPPING_FILE: "/x" }).notes[0]?.says ?? "", /never the map's/);
    const { settings, notes } = read({ ROLE_SESSION_KEY: "WHO" });
    assert.deepEqual(settings, []);
    assert.match(notes[0]?.says ?? "", /neither "Env:" nor "Labels:"/);
  });

  for (const name of ["ROLE_REVERSE_LOOKUP", "MESOS_STATE_LOOKUP"])
    it(`${name} cannot be had: it is refused with what to use instead, and taken when it is off`, () => {
      const [mistake = ""] = read({ [name]: "True" }).mistakes;
      assert.match(mistake, RegExp(`^environment variable ${name} \\(metadataproxy\\) cannot be had`));
      assert.match(mistake, /roleMapFile.*hostNetwork: identify/);
      assert.deepEqual(read({ [name]: "False" }), { settings: [], notes: [], mistakes: [] });
    });

  it("HOST of one bridge alone is one address", () => {
    assert.match(read({ HOST: "172.17.0.1" }).notes[0]?.says ?? "", /^is one address of the host/);
    assert.deepEqual(read({ HOST: "0.0.0.0", PORT: "80" }).notes, []);
  });

  it("it takes no arguments", () => {
    assert.deepEqual(METADATAPROXY.fromArguments(["--workers", "2"], []).mistakes, [
      'argument "--workers": metadataproxy takes variables alone, no arguments',
    ]);
    assert.deepEqual(METADATAPROXY.fromArguments([], []).mistakes, []);
  });
});
