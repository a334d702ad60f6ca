// The failure of a question about access. It is for the log and never for a client.

/** The error of a question that was not answered. */
export class AccessFailure extends Error {
  override readonly name = 'AccessFailure';
  /** True if no connection to the backend could be opened, so that every other question fails too. */
  readonly isUnreachable: boolean;

  constructor(
    message: string,
    { isUnreachable = false, ...options }: ErrorOptions & { isUnreachable?: boolean } = {},
  ) {
    super(message, options);
    this.isUnreachable = isUnreachable;
  }
}
