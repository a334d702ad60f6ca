// What tests of every package may use. Private: never published.
export { agentEvents } from './agent-events.js';
export { launchChromium } from './chromium.js';
export { describeBrokerConformance } from './conformance/describe-broker-conformance.js';
export {
  append,
  appendNumbered,
  type BrokerHarness,
  CHAT,
  type CreateHarness,
  codeOf,
  numbersOf,
  present,
  SUITE_OPTIONS,
  TICKET,
} from './conformance/harness.js';
export { endWithUs } from './end-with-us.js';
export { type FakeClock, fakeClock } from './fake-clock.js';
export { type HttpFate, type HttpProxy, startHttpProxy } from './http-proxy.js';
export { jsonText } from './json-text.js';
export { type Death, type MortalBroker, mortalBroker } from './mortal-broker.js';
export {
  type MoveHooks,
  type RedisCluster,
  type RedisClusterOptions,
  startRedisCluster,
} from './redis-cluster.js';
export { freePort, type RedisServer, type RedisServerOptions, startRedis } from './redis-server.js';
export { type RoundRobinProxy, startRoundRobinProxy } from './round-robin-proxy.js';
export { type Direction, startTcpProxy, type TcpProxy } from './tcp-proxy.js';
export { until } from './until.js';
