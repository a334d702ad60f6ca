// Creates the access rule that the options and the application name, and the guard of the rooms.
import { systemClock } from '@millrace/internal';
import type { User } from '../auth/token-verifier.js';
import type { RevocationSync } from '../membership/revocation-sync.js';
import type { Rooms } from '../rooms/rooms.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { accessCallback } from './access-callback.js';
import { type AccessRule, claimRule, openRule } from './access-rule.js';
import { type AccessSource, AskedRule } from './asked-rule.js';
import { OncePerSecond } from './once-per-second.js';
import { RoomGuard } from './room-guard.js';
import { appUserOf } from './user-identity.js';
import {
  type ReadUser,
  userOfApplication,
  userOfStandardClaims,
  userWithoutRooms,
} from './user-of-claims.js';

/** The components that the rule uses. */
export interface AccessComponents {
  readonly options: ResolvedGatewayOptions;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly rooms: Rooms;
  readonly revocationSync: RevocationSync;
}

/** Access to the rooms of a gateway. */
export interface Access {
  readonly guard: RoomGuard;
  /** `undefined` if the rule is not asked: the claim `rooms` decides, or every room is open. */
  readonly asked: AskedRule | undefined;
}

/** Creates the guard and its rule. */
export function composeAccess(components: AccessComponents): Access {
  const { options, rooms, revocationSync, logger } = components;
  const { revocations, standing } = rooms;
  const source = sourceOf(options);
  if (source !== undefined) {
    const asked = createAskedRule(source, components);
    revocations.onChange(({ userId, roomId }) => asked.forget(userId, roomId));
    return { asked, guard: new RoomGuard({ rule: asked, revocations, revocationSync, standing }) };
  }
  let isNoted = false;
  const onUnnamed = (): void => {
    if (isNoted) return;
    isNoted = true;
    logger.warn(noRooms);
  };
  const isOpen = options.isDevelopment && options.app?.access?.mayEnter !== 'claim';
  const rule: AccessRule = isOpen ? openRule : claimRule(onUnnamed);
  return { asked: undefined, guard: new RoomGuard({ rule, revocations, revocationSync, standing }) };
}

/** Returns the function that reads the user of a token. */
export function composeUserOf({
  options,
  logger,
  metrics,
}: Pick<AccessComponents, 'options' | 'logger' | 'metrics'>): ReadUser {
  const access = options.app?.access;
  if (access?.userOf === undefined)
    return sourceOf(options) === undefined ? userOfStandardClaims : userWithoutRooms;
  const log = new OncePerSecond(systemClock);
  return userOfApplication(
    (claims) => access.userOf?.(claims),
    (error) => {
      metrics.userOfFailures.inc();
      log.run((suppressed) =>
        logger.error(
          { err: error, suppressed },
          'userOf of the application failed: clients are told to try again',
        ),
      );
    },
  );
}

const noRooms =
  'a user was refused because the token names no room and no other rule opens rooms: sign tokens with the claim `rooms`, define access.mayEnter in ' +
  'the application module (MILLRACE_APP), or set MILLRACE_ACCESS_URL';

/** Returns the function of the application or the callback, or `undefined` if there is none. */
function sourceOf({ app, accessUrl: url, accessKey: key, accessKeyHeader }: ResolvedGatewayOptions) {
  if (url !== undefined) return accessCallback({ url, key, keyHeader: accessKeyHeader.toLowerCase() });
  const access = app?.access;
  if (typeof access?.mayEnter !== 'function') return undefined;
  const { mayEnter } = access;
  const source: AccessSource = {
    describe: appUserOf,
    ask: (user, roomId) => mayEnter.call(access, appUserOf(user), roomId),
  };
  return source;
}

function createAskedRule(
  source: AccessSource,
  { options, metrics, logger, rooms }: AccessComponents,
): AskedRule {
  const isFunction = options.accessUrl === undefined;
  const rule = isFunction ? 'access.mayEnter' : 'MILLRACE_ACCESS_URL';
  const log = new OncePerSecond(systemClock);
  const asked = new AskedRule({
    source,
    clock: systemClock,
    timeoutMs: options.accessTimeoutMs,
    cacheMs: options.accessCacheMs,
    refusalCacheMs: options.accessRefusalCacheMs,
    maxStaleMs: options.accessMaxStaleMs,
    maxAnswers: options.maxAccessAnswers,
    maxQuestions: options.maxAccessQuestions,
    observer: {
      onAsked: (outcome) => metrics.accessQuestions.inc({ outcome }),
      onUnasked: (outcome) => metrics.accessUnasked.inc({ outcome }),
      onFailure: ({ message: reason, cause }, roomId) =>
        log.run((suppressed) => {
          // The stack of an error of the application helps its author.
          const err = isFunction && cause !== undefined ? { err: cause } : {};
          logger.warn({ rule, reason, roomId, suppressed, ...err }, 'a question about access has no answer');
        }),
      onStateChange: (isAway) => {
        metrics.accessAway.set(isAway ? 1 : 0);
        if (isAway)
          logger.warn(
            { rule },
            'the access rule is unavailable: nobody is refused, clients are told to try again',
          );
        else logger.info({ rule }, 'the access rule answers again');
      },
      onRefused: (user: User, roomId) =>
        rooms.memberConnections.refuse(roomId, user.userId, (other) => asked.isSame(user, other)),
    },
  });
  return asked;
}
