import { createHash } from "node:crypto";
import { request } from "node:http";
import { auth, http } from "aws-crt";
import { serve } from "./program.mjs";

const BODY = "Action=GetCallerIdentity&Version=2011-06-15";

/** The library has no STS client of its own: it signs, and the request goes out as signed. */
async function signed(url) {
  const headers = new http.HttpHeaders([
    ["host", url.host],
    ["content-type", "application/x-www-form-urlencoded"],
  ]);
  const unsigned = new http.HttpRequest("POST", "/", headers);
  return auth.aws_sign_request(unsigned, {
    algorithm: auth.AwsSigningAlgorithm.SigV4,
    signature_type: auth.AwsSignatureType.HttpRequestViaHeaders,
    provider: auth.AwsCredentialsProvider.newDefault(),
    region: process.env.AWS_REGION,
    service: "sts",
    signed_body_value: createHash("sha256").update(BODY).digest("hex"),
  });
}

const send = (url, headers) =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", headers }, async (response) => {
      resolve(Buffer.concat(await response.toArray()).toString());
    });
    outgoing.on("error", reject).end(BODY);
  });

await serve("aws-crt", async () => {
  const url = new URL(process.env.AWS_ENDPOINT_URL_STS);
  const { headers } = await signed(url);
  const fields = Object.fromEntries(headers._flatten());
  const text = await send(url, fields);
  const arn = /<Arn>([^<]*)/.exec(text)?.[1];
  if (arn === undefined) throw new Error(text);
  return { accessKeyId: /Credential=([A-Z0-9]+)/.exec(fields.Authorization ?? fields.authorization)?.[1], arn };
});
