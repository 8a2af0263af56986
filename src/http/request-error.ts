/**
 * Why a request cannot be read: answered with 400, whatever the reason, since no other status for it means anything to
 * a client of the metadata service. Always fatal to its connection: what follows cannot be told apart from it.
 */
export class RequestError {
  /** For the operator; fixed text, never bytes of the request. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
