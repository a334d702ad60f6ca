// Code that several packages of Millrace share. It is not for direct use by users of these packages.
export { type BackOffOptions, backOffDelayMs } from './back-off.js';
export { type CancelTimer, type Clock, pause, systemClock } from './clock.js';
export { OldestFirstMap } from './oldest-first-map.js';
export { RateLimit, type RateLimitOptions } from './rate-limit.js';
export { SeenIds, type SeenIdsOptions } from './seen-ids.js';
export { type Rate, TokenBucket } from './token-bucket.js';
export { isUuid, userKey } from './user-key.js';
