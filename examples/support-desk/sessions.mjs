// The keys that tell the backend which desktop sessions are connected: `presence:desktop:{session}` and `presence:user:{id}`. What
// they say is checked with the presence of Millrace, which is true over all gateways, also after one of them was killed.
import { roomOfDesktop } from './desk.mjs';

const ttlSeconds = 660;
const maxChecks = 100;
/** The sessions by the time of their next check. */
const dueKey = 'desk:sessions';

/** Removes a session, unless it was written since the check began. */
const removeIfSame = `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return redis.call('SREM', KEYS[3], ARGV[3])`;

/**
 * The keys of the connected desktop sessions. Trouble with Redis ends no connection. Each session is checked every `checkMs`, and
 * `graceMs` after one of its connections has ended.
 */
export class DesktopSessions {
  #redis;
  #checkMs;
  #graceMs;
  #presence;
  #logger;
  /** Writes that have failed, by session and user. Bounded by the sessions that connect and end while Redis is unavailable. */
  #failed = new Map();
  #timer;

  constructor({ redis, presence, logger, checkMs, graceMs }) {
    this.#redis = redis;
    this.#checkMs = checkMs;
    this.#graceMs = graceMs;
    this.#presence = presence;
    this.#logger = logger;
  }

  start() {
    const turn = async () => {
      try {
        await this.#turn();
      } catch (error) {
        this.#logger.warn({ err: error }, 'the desktop sessions cannot be checked: trying again');
      }
      if (this.#timer !== undefined) this.#timer = setTimeout(turn, 500);
    };
    this.#timer = setTimeout(turn, 500);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Writes the keys of a session that has connected. */
  opened(sessionId, userId) {
    this.#attempt(sessionId, userId, () => this.#write(sessionId, userId));
  }

  /** Checks a session of which a connection has ended, as soon as presence does not count this connection any more. */
  closed(sessionId, userId) {
    this.#attempt(sessionId, userId, () => this.#redis.zAdd(dueKey, dueIn(this.#graceMs, sessionId, userId)));
  }

  /** Logs the first failure only, because a write is tried again twice a second. */
  async #attempt(sessionId, userId, write) {
    const member = `${sessionId} ${userId}`;
    const isKnown = this.#failed.has(member);
    try {
      await write();
      if (isKnown && this.#failed.get(member) === write) this.#failed.delete(member);
    } catch (error) {
      this.#failed.set(member, write);
      if (!isKnown)
        this.#logger.warn({ err: error, sessionId }, 'a desktop session was not written: trying again');
    }
  }

  /** One session whose keys cannot be written or read does not stop the others. */
  async #turn() {
    for (const [member, write] of Array.from(this.#failed)) await this.#attempt(...partsOf(member), write);
    const due = await this.#redis.zRangeByScoreWithScores(dueKey, 0, Date.now(), {
      LIMIT: { offset: 0, count: maxChecks },
    });
    for (const { value, score } of due)
      await this.#check(value, score).catch(async (error) => {
        this.#logger.warn(
          { err: error, session: value },
          'a desktop session cannot be checked: trying later',
        );
        await this.#redis.zAdd(dueKey, { score: Date.now() + this.#checkMs, value });
      });
  }

  async #check(member, score) {
    const [sessionId, userId] = partsOf(member);
    const { connections } = await this.#presence.members(roomOfDesktop(sessionId));
    if (connections > 0) await this.#write(sessionId, userId);
    else
      await this.#redis.eval(removeIfSame, {
        keys: [dueKey, `presence:desktop:${sessionId}`, `presence:user:${userId}`],
        arguments: [member, String(score), sessionId],
      });
  }

  #write(sessionId, userId) {
    return this.#redis
      .multi()
      .set(`presence:desktop:${sessionId}`, userId, { EX: ttlSeconds })
      .sAdd(`presence:user:${userId}`, sessionId)
      .expire(`presence:user:${userId}`, ttlSeconds)
      .zAdd(dueKey, dueIn(this.#checkMs, sessionId, userId))
      .exec();
  }
}

function dueIn(ms, sessionId, userId) {
  return { score: Date.now() + ms, value: `${sessionId} ${userId}` };
}

/** Returns the session and the user of a member of the set. Only the ID of a user may contain spaces. */
function partsOf(member) {
  const end = member.indexOf(' ');
  return [member.slice(0, end), member.slice(end + 1)];
}
