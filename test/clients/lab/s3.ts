import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { SignedCalls } from "./signed-calls.ts";

const XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const NO_BUCKETS = `<ListAllMyBucketsResult ${XMLNS}><Owner><ID>o</ID></Owner><Buckets></Buckets></ListAllMyBucketsResult>`;
const EMPTY_BUCKET = `<ListBucketResult ${XMLNS}><Name>bucket</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>`;
const LOCATION = `<LocationConstraint ${XMLNS}></LocationConstraint>`;
const NO_KEY = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
const NOT_SIGNED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";

/** An S3 without a single object: all it does is to write down who signed. */
export async function startS3(listen: { host: string; port: number }, calls: SignedCalls): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => answer(request, response, calls));
  });
  await new Promise<void>((resolve) => server.listen(listen, resolve));
  return server;
}

function answer(request: IncomingMessage, response: ServerResponse, calls: SignedCalls): void {
  const before = calls.count;
  calls.add("s3", request);
  const [status, body] = calls.count === before ? ([403, NOT_SIGNED] as const) : documentFor(request);
  response.writeHead(status, { "Content-Type": "application/xml", "x-amz-bucket-region": "us-east-1" });
  response.end(request.method === "HEAD" ? undefined : `<?xml version="1.0" encoding="UTF-8"?>\n${body}`);
}

function documentFor({ method = "", url = "" }: IncomingMessage): readonly [number, string] {
  const { pathname, searchParams } = new URL(url, "http://s3");
  const [, bucket = "", ...key] = pathname.split("/");
  if (method === "PUT") return [200, ""];
  if (searchParams.has("location")) return [200, LOCATION];
  if (bucket === "") return [200, NO_BUCKETS];
  return key.join("/") === "" ? [200, EMPTY_BUCKET] : [404, NO_KEY];
}
