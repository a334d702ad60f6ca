// Code that several packages of Millrace share. It is not for direct use by users of these packages.
export { type BackOffOptions, backOffDelayMs } from './back-off.js';
export { type CancelTimer, type Clock, MAX_TIMER_MS, pause, systemClock } from './clock.js';
export { OldestFirstMap } from './oldest-first-map.js';
export {
  checkOptions,
  type Given,
  type OptionRule,
  type OptionRules,
  shown,
} from './options/check-options.js';
export { nearestName } from './options/nearest-name.js';
export {
  atLeast,
  callback,
  flag,
  listOf,
  objectOrFunction,
  objectWith,
  oneOf,
  plainFunction,
  required,
  secret,
  text,
  timerMs,
  wholeNumber,
} from './options/option-rules.js';
export { isPlainFunction, isPlainObject } from './options/plain-values.js';
export { RateLimit, type RateLimitOptions } from './rate-limit.js';
export { SeenIds, type SeenIdsOptions } from './seen-ids.js';
export { messageOf, toError } from './thrown.js';
export { type Rate, TokenBucket } from './token-bucket.js';
export { isUuid, userKey } from './user-key.js';
