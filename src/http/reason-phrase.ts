/** https://www.iana.org/assignments/http-status-codes */
const REASON_PHRASES: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
]);

/** The phrase clients know the status by; "Error" for one that nothing here answers with. */
export const reasonPhrase = (status: number): string => REASON_PHRASES.get(status) ?? "Error";
