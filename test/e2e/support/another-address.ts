import type { Container } from "./containers.ts";

/** From now on the container, which has NET_ADMIN, speaks from an address of its network that its engine knows nothing of. */
export async function speakFromAnotherAddress(
  container: Container,
  { address, gateway }: { readonly address: string; readonly gateway: string },
): Promise<void> {
  await container.exec("busybox", "ip", "address", "add", `${address}/16`, "dev", "eth0");
  await container.exec("busybox", "ip", "route", "replace", "default", "via", gateway, "src", address);
}
