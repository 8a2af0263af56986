import assert from "node:assert/strict";
import { test } from "node:test";
import { stsDocument } from "../../src/mock-ec2/sts-xml.ts";

test("elements are indented by two spaces a level, in the namespace of STS", () => {
  assert.equal(
    stsDocument("A", [
      ["B", [["C", "text"]]],
      ["D", ""],
    ]),
    '<A xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <B>\n    <C>text</C>\n  </B>\n  <D></D>\n</A>\n',
  );
});

test("text can neither open an element nor break the document", () => {
  assert.match(
    stsDocument("A", [["B", "</B><C>&\r\n\u0000\ud800"]]),
    /<B>&lt;\/B&gt;&lt;C&gt;&amp;&#13;\n\ufffd\ufffd<\/B>/,
  );
});
