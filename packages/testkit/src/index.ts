// Helpers for the tests of every package. Never published.

export { type Death, type MortalBroker, mortalBroker } from './broker/mortal-broker.js';
export { describeBrokerConformance } from './conformance/describe-broker-conformance.js';
export {
  callbacks,
  describeOptions,
  flags,
  type OptionSamples,
  type OptionTable,
  objects,
  texts,
  timers,
  wholeNumbers,
} from './conformance/describe-options.js';
export {
  append,
  appendNumbered,
  type BrokerHarness,
  beat,
  CHAT,
  type CreateHarness,
  codeOf,
  numbersOf,
  present,
  publishNumbered,
  registerAt,
  registerHolder,
  runAllPasses,
  runPass,
  SUITE_OPTIONS,
  TICKET,
  trimAll,
} from './conformance/harness.js';
export { type HttpFate, startHttpProxy, startRoundRobinProxy } from './network/http-proxy.js';
export { type BreakPoint, type Direction, startTcpProxy, type TcpProxy } from './network/tcp-proxy.js';
export { launchChromium } from './processes/chromium.js';
export { killWithParent } from './processes/kill-with-parent.js';
export {
  type MoveHooks,
  type RedisCluster,
  type RedisClusterOptions,
  startRedisCluster,
} from './redis/redis-cluster.js';
export {
  type Sentinel,
  type Sentinels,
  type SentinelsOptions,
  startSentinels,
} from './redis/redis-sentinels.js';
export { freePort, type RedisServer, type RedisServerOptions, startRedis } from './redis/redis-server.js';
export { agentEvents } from './samples/agent-events.js';
export {
  EVENT_ID,
  eventOf,
  fullPayloads,
  optionalFields,
  TIMESTAMP,
  UUID,
  UUID_V1,
} from './samples/full-events.js';
export { jsonText } from './samples/json-text.js';
export { type FakeClock, fakeClock } from './time/fake-clock.js';
export { until } from './time/until.js';
