// The kinds of settings that concern the connection to Redis.
import { BrokerError, checkRedisKeyPrefix, parseRedisUrl } from '@millrace/broker';
import { type SettingKind, text } from './setting-kinds.js';

/** The address of Redis. It is secret, because it may contain a password. */
export function redisUrl(): SettingKind {
  return text({
    rule: '`redis://user:password@host:port/database` or `rediss://…`, of a cluster one node, or several separated by commas; `redis+sentinel://host,host2/master/database` or `rediss+sentinel://…`; `unix:///path?db=database`',
    isSecret: true,
    faultOf: (url) => faultFound(() => parseRedisUrl(url)),
  });
}

/** The text that begins every key. */
export function redisKeyPrefix(): SettingKind {
  return text({
    rule: 'at most 100 bytes without braces, spaces, `coalesce:` and `* ? [ ] \\`',
    faultOf: (prefix) => faultFound(() => checkRedisKeyPrefix(prefix)),
  });
}

/** A name that becomes part of a key. */
export function nameInKeys(): SettingKind {
  const rule = '1 to 200 bytes without control characters and braces';
  return text({
    rule,
    faultOf: (name) =>
      name !== '' && Buffer.byteLength(name) <= 200 && !/[\p{Cc}{}]/u.test(name)
        ? undefined
        : `must be ${rule}`,
  });
}

/** Returns the broker's description of a wrong option, without the option's name. */
function faultFound(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    // The broker's message does not repeat the value.
    if (!(error instanceof BrokerError)) throw error;
    return error.message.replace(/^(?:url|keyPrefix) /, '');
  }
}

/** A text in PEM form, which usually comes from a file. The broker checks its content. */
export function pem(what: string, { isSecret = false } = {}): SettingKind {
  return text({
    rule: `${what} in PEM form`,
    isSecret,
    isFile: true,
    faultOf: (value) =>
      value.includes('-----BEGIN ') ? undefined : `must be ${what} in PEM form: -----BEGIN …`,
  });
}

/** The name of a host. */
export function hostName(): SettingKind {
  return text({
    rule: 'a host name',
    faultOf: (name) => (/^[A-Za-z0-9._-]{1,253}$/.test(name) ? undefined : 'must be a host name'),
  });
}
