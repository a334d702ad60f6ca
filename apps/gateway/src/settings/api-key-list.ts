// The kind of the setting `apiKeys`: a list of plain keys, or a JSON list of keys with a name and limits.
import { API_KEY_SCOPES } from '../auth/api-keys.js';
import { isTenantName } from '../tenants/tenant.js';
import { faultOfApiKey } from './setting-checks.js';
import { list, type SettingKind } from './setting-kinds.js';

const fields = ['name', 'key', 'sha256', 'scopes', 'rooms', 'tenant', 'types'];

/** Creates the kind. A fault never repeats a key. */
export function apiKeyList(): SettingKind {
  const plain = list({
    rule: '16 printable ASCII characters or more each, separated by commas; or a JSON list of keys with limits',
    isSecret: true,
    faultOf: faultOfApiKey,
  });
  return {
    ...plain,
    read: (text) => (text.trimStart().startsWith('[') ? parse(text) : plain.read(text)),
    faultOf(name, value) {
      if (!Array.isArray(value)) return `${name} must be a list of keys, in JSON or separated by commas`;
      const texts = value.filter((key) => typeof key === 'string');
      const fault = plain.faultOf(name, texts);
      if (fault !== undefined) return fault;
      for (const [index, key] of value.entries()) {
        const keyFault = typeof key === 'string' ? undefined : faultOfKey(key);
        if (keyFault !== undefined) return `Entry ${index + 1} of ${name} ${keyFault}`;
      }
      const names = value.flatMap((key: unknown) => (isRecord(key) ? [key['name']] : []));
      return new Set(names).size === names.length ? undefined : `Two entries of ${name} have the same name`;
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The cause is left out, because it quotes the text.
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}

function faultOfKey(entry: unknown): string | undefined {
  if (!isRecord(entry)) return 'must be a key or an object';
  const unknown = Object.keys(entry).find((field) => !fields.includes(field));
  if (unknown !== undefined) return `has a field that does not exist: its fields are ${fields.join(', ')}`;
  const { name, key, sha256, scopes, rooms, tenant, types } = entry;
  if (typeof name !== 'string' || !/^[!-~][ -~]{0,99}$/.test(name))
    return 'needs a name of 1 to 100 printable ASCII characters';
  if ((key === undefined) === (sha256 === undefined)) return 'needs either a key or a sha256';
  if (sha256 !== undefined && !(typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256)))
    return 'has a sha256 that is not 64 hexadecimal digits';
  const keyFault =
    key === undefined ? undefined : typeof key === 'string' ? faultOfApiKey(key) : 'must be a string';
  if (keyFault !== undefined) return `has a key that is not valid: it ${keyFault}`;
  if (
    scopes !== undefined &&
    !(isTexts(scopes) && scopes.every((scope) => API_KEY_SCOPES.some((known) => known === scope)))
  )
    return `has scopes that are not among ${API_KEY_SCOPES.join(', ')}`;
  if (tenant !== undefined && !isTenantName(tenant))
    return 'has a tenant that is not a string of 1 to 256 bytes without control characters';
  if (rooms !== undefined && !isTexts(rooms)) return 'has rooms that are not a list of strings';
  return types === undefined || isTexts(types) ? undefined : 'has types that are not a list of strings';
}
