/** What EC2 has at the other end of every host's wire, in the namespace of the tests themselves. */
export const EC2 = {
  metadata4: "169.254.169.254",
  metadata6: "fd00:ec2::254",
  services: "198.51.100.10",
} as const;

export const STS_PORT = 8080;
export const S3_PORT = 9000;
export const STS_URL = `http://${EC2.services}:${STS_PORT}`;
export const S3_HOST = `${EC2.services}:${S3_PORT}`;
export const S3_URL = `http://${S3_HOST}`;

/** The addresses of one host and of the one container on it; `lane` tells hosts apart. */
export const addressesOf = (lane: number) =>
  ({
    host4: `198.18.${lane}.1`,
    ec2End4: `198.18.${lane}.2`,
    host6: `fd00:198:${lane}::1`,
    ec2End6: `fd00:198:${lane}::2`,
    gateway4: `172.31.${lane}.1`,
    container4: `172.31.${lane}.2`,
    subnet4: `172.31.${lane}.0/24`,
    gateway6: `fd00:50:${lane}::1`,
    container6: `fd00:50:${lane}::2`,
    subnet6: `fd00:50:${lane}::/64`,
  }) as const;

export type LaneAddresses = ReturnType<typeof addressesOf>;
