// The gateway's own errors, for the person who runs it. Remote clients receive hub errors and HTTP problems instead.

/** Stable codes of {@link GatewayError}. docs/errors.md explains each code. */
export const GATEWAY_ERROR_CODES = [
  'invalid_configuration',
  'invalid_arguments',
  'port_in_use',
  'broker_unavailable',
  'partitions_differ',
  'layout_differs',
  'foreign_group',
] as const;

/** One of {@link GATEWAY_ERROR_CODES}. @beta */
export type GatewayErrorCode = (typeof GATEWAY_ERROR_CODES)[number];

/** An error that keeps the gateway or a command from running. Its message is for the person who started it. @beta */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayErrorCode;

  constructor(code: GatewayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
