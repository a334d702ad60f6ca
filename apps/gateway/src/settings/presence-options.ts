// The options of presence, with their defaults.

/** Options of presence. Give all gateways of a deployment the same values. */
export interface PresenceSettings {
  /**
   * True if the gateway records who is in which room. If false, the gateway refuses the hub methods and HTTP routes of
   * presence.
   * @defaultValue true
   */
  readonly isPresenceOn?: boolean;
  /**
   * Time for which a lost connection still counts as present. The same time applies to the connections of a dead gateway.
   * @defaultValue 10_000
   */
  readonly presenceGraceMs?: number;
  /**
   * Interval at which the gateway writes and reads changes of presence and sends them to watching clients. @defaultValue 100
   */
  readonly presenceIntervalMs?: number;
  /** Maximum number of members of a room that are listed. A larger room has only its numbers. @defaultValue 500 */
  readonly maxPresenceMembers?: number;
}

/** Their defaults. */
export const PRESENCE_DEFAULTS = {
  isPresenceOn: true,
  presenceGraceMs: 10_000,
  presenceIntervalMs: 100,
  maxPresenceMembers: 500,
} as const;
