// The settings, HTTP routes and hub methods that are stable (docs/stability.md). All others are experimental. The pages show the labels.

/** Names of the stable settings. */
export const stableSettings: ReadonlySet<string> = new Set([
  'port',
  'host',
  'instance',
  'logLevel',
  'drainMs',
  'isDevelopment',
  'redisUrl',
  'redisKeyPrefix',
  'consumerGroup',
  'jwtSecret',
  'jwtSecrets',
  'jwksUrl',
  'jwtAudience',
  'jwtIssuer',
  'apiKeys',
  'allowedOrigins',
  'instanceUrl',
  'connectionKeys',
]);

/** The stable routes, as the page of routes writes them. */
export const stableRoutes: ReadonlySet<string> = new Set([
  'POST /v1/events',
  'GET /v1/rooms/{room}/events',
  'GET /v1/rooms/{room}/position',
  'GET /healthz',
  'GET /readyz',
  'GET /v1/openapi.json',
]);

/** The stable methods of the hub. */
export const stableMethods: ReadonlySet<string> = new Set([
  'JoinRoom',
  'LeaveRoom',
  'SendTyping',
  'MarkRead',
]);

/** Returns the label of a name. */
export function labelIn(stable: ReadonlySet<string>, name: string): 'stable' | 'experimental' {
  return stable.has(name) ? 'stable' : 'experimental';
}
