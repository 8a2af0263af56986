import assert from "node:assert/strict";
import { test } from "node:test";
import { errorPage } from "../../src/http/error-page.ts";

const STATUSES = [400, 401, 403, 404, 405, 500, 501, 502, 503, 504];

test("the page of a 404, whole", () => {
  assert.deepEqual(errorPage(404), {
    status: 404,
    headers: [["Content-Type", "text/html"]],
    body: `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>404 - Not Found</title>
 </head>
 <body>
  <h1>404 - Not Found</h1>
 </body>
</html>
`,
  });
});

for (const status of STATUSES) {
  test(`the page of ${status} could be taken for neither a token nor a role: ASCII, many lines, short, named`, () => {
    const body = String(errorPage(status).body);
    assert.match(body, /^[\n\x20-\x7e]*$/);
    assert.ok(body.length < 400, `${body.length} bytes`);
    assert.ok(body.split("\n").length > 5);
    assert.match(body, new RegExp(`<title>${status} - (?!Error)[A-Z]`));
  });
}
