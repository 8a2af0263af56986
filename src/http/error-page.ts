import type { HttpResponse } from "./http-message.ts";
import { reasonPhrase } from "./reason-phrase.ts";

/**
 * The body of every failure: the kind of page the real service sends, the same for all requests of one status.
 *
 * Some clients take any body for a token or a role name and send it back (clients that never look at the status: the
 * AWS CRT, GDAL, minio-js, rust-s3), so it is short ASCII, has several lines, and repeats nothing that anyone sent.
 */
export function errorPage(status: number): HttpResponse {
  return { status, headers: HEADERS, body: page(`${status} - ${reasonPhrase(status)}`) };
}

const HEADERS = [["Content-Type", "text/html"]] as const;

const page = (title: string): string => `\
<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${title}</title>
 </head>
 <body>
  <h1>${title}</h1>
 </body>
</html>
`;
