// The error of this package. Its message is printed as it is.

/** A request that cannot be carried out. The message names the value, the rule and the remedy. */
export class CreateError extends Error {
  override readonly name = 'CreateError';
}
