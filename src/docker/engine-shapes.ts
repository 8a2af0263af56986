import { z } from "zod";
import { canonicalAddress } from "../kit/ip-address.ts";
import type { ContainerDetails, EngineEvent, LabelledContainer, NetworkDetails, NetworkSummary } from "./engine.ts";

/*
 * The Engine's own spelling, read here and nowhere else. Docker writes null where a list or a map is empty; podman
 * leaves fields out; unknown fields are ignored.
 * https://docs.docker.com/reference/api/engine/version/v1.45/
 */

const version = z.string().regex(/^\d{1,3}\.\d{1,4}$/);
const text = z.string().nullish();
const texts = z.array(z.string()).nullish();
/** Looked at as a whole: zod's own record takes seconds for the hundred thousands of labels that a container may have. */
const textMap = z.custom<Readonly<Record<string, string>>>(isTextMap, "not a map of texts").nullish();

function isTextMap(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => typeof item === "string");
}

const components = z.array(z.object({ Name: text })).nullish();

export const VersionShape = z
  .object({ ApiVersion: version, MinAPIVersion: version.or(z.literal("")).nullish(), Components: components })
  .transform(({ ApiVersion, MinAPIVersion, Components }) => ({
    highest: ApiVersion,
    ...(MinAPIVersion ? { lowest: MinAPIVersion } : {}),
    isPodman: Components?.some(({ Name }) => Name === "Podman Engine") ?? false,
  }));

const network = z.object({
  Id: z.string().min(1),
  Name: z.string(),
  Driver: text,
  IPAM: z.object({ Config: z.array(z.object({ Subnet: text })).nullish() }).nullish(),
});

const summary = ({ Id, Name, Driver, IPAM }: z.output<typeof network>): NetworkSummary => ({
  id: Id,
  name: Name,
  driver: Driver ?? "",
  subnets: (IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet ? [Subnet] : [])),
});

export const NetworkListShape = z.array(network.transform(summary));

const endpoint = z.object({ IPv4Address: text, IPv6Address: text, MacAddress: text });

export const NetworkShape = network.extend({ Containers: z.record(z.string(), endpoint).nullish() }).transform(
  (given): NetworkDetails => ({
    ...summary(given),
    members: Object.entries(given.Containers ?? {}).map(([containerId, { IPv4Address, IPv6Address, MacAddress }]) => ({
      containerId,
      addresses: addressesOf(IPv4Address, IPv6Address),
      macAddress: MacAddress ?? "",
    })),
  }),
);

export const LabelledListShape = z.array(
  z
    .object({ Id: z.string().min(1), Labels: textMap })
    .transform(({ Id, Labels }): LabelledContainer => ({ id: Id, labels: Labels ?? {} })),
);

const attachment = z.object({ NetworkID: text, IPAddress: text, GlobalIPv6Address: text, MacAddress: text });

export const ContainerShape = z
  .object({
    Id: z.string().min(1),
    Name: z.string(),
    State: z.object({ Running: z.boolean(), Pid: z.number().int().nonnegative(), StartedAt: z.string() }),
    Image: text,
    Config: z.object({ Image: text, Labels: textMap, Env: texts }),
    HostConfig: z.object({ NetworkMode: text, UsernsMode: text }).nullish(),
    NetworkSettings: z.object({ Networks: z.record(z.string(), attachment).nullish() }).nullish(),
  })
  .transform(
    ({ Id, Name, State, Image, Config, HostConfig, NetworkSettings }): ContainerDetails => ({
      id: Id,
      name: Name.replace(/^\//, ""),
      running: State.Running,
      pid: State.Pid,
      startedAt: State.StartedAt,
      image: Config.Image ?? "",
      imageId: imageIdOf(Image ?? ""),
      userNamespace: HostConfig?.UsernsMode ?? "",
      labels: Config.Labels ?? {},
      env: Config.Env ?? [],
      guestOf: /^container:(.+)$/.exec(HostConfig?.NetworkMode ?? "")?.[1],
      attachments: Object.entries(NetworkSettings?.Networks ?? {}).map(([networkName, given]) => ({
        networkId: given.NetworkID ?? "",
        networkName,
        addresses: addressesOf(given.IPAddress, given.GlobalIPv6Address),
        macAddress: given.MacAddress ?? "",
      })),
    }),
  );

/** podman leaves the algorithm out. */
const imageIdOf = (id: string): string => (/^[0-9a-f]{64}$/.test(id) ? `sha256:${id}` : id);

export const EventShape = z
  .object({
    Type: z.string(),
    Action: z.string(),
    Actor: z.object({ ID: text, Attributes: textMap }).nullish(),
    timeNano: z.number().nullish(),
  })
  .transform(
    ({ Type, Action, Actor, timeNano }): EngineEvent => ({
      type: Type,
      action: Action,
      actorId: Actor?.ID ?? "",
      attributes: Actor?.Attributes ?? {},
      happenedAt: timeNano ? Math.round(timeNano / 1_000_000) : undefined,
    }),
  );

/** "172.17.0.2/16" or "fd00:6::2/64" or "", in the spelling a peer's address has; "" where there is none. */
const addressesOf = (...given: readonly (string | null | undefined)[]): readonly string[] =>
  given.flatMap((address) => canonicalAddress((address ?? "").replace(/\/.*$/, "")) ?? []);
