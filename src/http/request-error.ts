/** Why a request cannot be read. Always fatal to its connection: what follows cannot be told apart from it. */
export class RequestError {
  readonly status: 400 | 408 | 413 | 417 | 431 | 505;
  /** For the operator; fixed text, never bytes of the request. */
  readonly reason: string;

  constructor(status: RequestError["status"], reason: string) {
    this.status = status;
    this.reason = reason;
  }
}

/** A request that breaks the grammar. */
export const malformed = (reason: string): RequestError => new RequestError(400, reason);
