// The options of access to rooms, with their defaults.

/** Options of access to rooms. Without an `accessUrl` or a function of the application, the claim `rooms` of a token decides. */
export interface AccessSettings {
  /**
   * Address of the backend that decides which rooms a user may enter: `POST {user_id, name, room_id}`, answered by
   * `{"allowed": true}` or `{"allowed": false}`. @defaultValue none
   */
  readonly accessUrl?: string | undefined;
  /** Key with which the gateway identifies itself to this backend. @defaultValue none */
  readonly accessKey?: string | undefined;
  /** Header that carries the key. In `authorization`, the key is a bearer token. @defaultValue 'authorization' */
  readonly accessKeyHeader?: string;
  /** Time after which a question counts as failed. @defaultValue 3_000 */
  readonly accessTimeoutMs?: number;
  /** Time for which a yes is used. Then the question is asked again. @defaultValue 60_000 */
  readonly accessCacheMs?: number;
  /** Time for which a no is used. @defaultValue 2_000 */
  readonly accessRefusalCacheMs?: number;
  /** Age up to which a yes is still used while the rule cannot be asked. @defaultValue 600_000 */
  readonly accessMaxStaleMs?: number;
  /** Maximum number of questions that are asked at a time. @defaultValue 50 */
  readonly maxAccessQuestions?: number;
  /** Maximum number of answers that are kept. Above it, the oldest are forgotten, and asked for again. @defaultValue 100_000 */
  readonly maxAccessAnswers?: number;
}

/** Their defaults. */
export const ACCESS_DEFAULTS = {
  accessKeyHeader: 'authorization',
  accessTimeoutMs: 3_000,
  accessCacheMs: 60_000,
  accessRefusalCacheMs: 2_000,
  accessMaxStaleMs: 600_000,
  maxAccessQuestions: 50,
  maxAccessAnswers: 100_000,
} as const;
