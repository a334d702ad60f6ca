// What tests of every package may use. Private: never published.
export { type FakeClock, fakeClock } from './fake-clock.js';
export { freePort, type RedisServer, type RedisServerOptions, startRedis } from './redis-server.js';
