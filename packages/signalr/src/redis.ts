/*
 * The public exports of `@millrace/signalr/redis`: the backplane and the directory of connections over Redis.
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
