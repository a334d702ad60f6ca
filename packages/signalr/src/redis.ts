/*
 * `@millrace/signalr/redis`: several instances that know of one another through Redis.
 */
export {
  createRedisDirectory,
  type RedisDirectory,
  type RedisDirectoryClient,
  type RedisDirectoryOptions,
} from './redis/redis-directory.js';
