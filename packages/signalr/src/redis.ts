/*
 * `@millrace/signalr/redis`: several instances that know of one another through Redis.
 */
export {
  createRedisBackplane,
  type RedisBackplaneOptions,
  type RedisPublishingClient,
  type RedisSubscribingClient,
} from './redis/redis-backplane.js';
export {
  createRedisDirectory,
  type RedisDirectory,
  type RedisDirectoryClient,
  type RedisDirectoryOptions,
} from './redis/redis-directory.js';
