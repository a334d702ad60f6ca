// Explains to the user of a command why a gateway has not answered a request.

/** Says why a request to this address has no answer. Only a refused connection shows that nothing listens. */
export function whyUnanswered({ origin, host }: URL, error: unknown): string {
  const { code, message } = Object(
    error instanceof Error ? (error.cause ?? error) : error,
  ) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED')
    return `nothing listens on ${origin}; start the gateway, or give its address with --url`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host ${host} cannot be resolved; check --url`;
  return `${origin} does not answer as a gateway (${code ?? message}); check --url`;
}
