// Writes docs/settings.md from the table of settings.
import { fileURLToPath } from 'node:url';
import { DEFAULTS } from '../../src/settings/options.js';
import { mayBeFile } from '../../src/settings/setting-kinds.js';
import { SETTING_GROUPS, SETTINGS, type Setting, type SettingGroup } from '../../src/settings/settings.js';
import { stableSettings } from './stability-labels.js';

export const settingsPagePath = fileURLToPath(new URL('../../../../docs/settings.md', import.meta.url));

const head = `# Settings

This page lists every setting of a gateway. \`npm run docs:settings\` writes it from \`apps/gateway/src/settings/settings.ts\`, from which the settings are also checked.

\`millrace serve\` reads the variables. Programs that call \`createGateway\` give the options, and the same rules apply. An empty variable counts as not set. In lists, commas separate
the entries. The gateway does not start with a value that breaks its rule, or with a variable that begins with \`MILLRACE_\` but is not in this table: a misspelt setting would
have no effect. The message names the setting, its value unless it is a secret, and what is allowed.

A secret (marked *secret*) may come from a file: \`MILLRACE_JWT_SECRET_FILE=/run/secrets/jwt\` reads \`MILLRACE_JWT_SECRET\` from there, without the line break at the end of the
file. In files of lists, each line is an entry too. Certificates (marked *file*) may come from a file in the same way: \`MILLRACE_REDIS_TLS_CA_FILE\`.

A setting marked *stable* keeps its name and meaning within a major version; all others are experimental ([stability.md](stability.md)).
`;

const apiKeys = `
## API keys with limits

\`MILLRACE_API_KEYS_FILE\` may name a JSON file, whose keys have a name for the log, and limits:

\`\`\`json
[
  { "name": "shop", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "rooms": ["acme:*"] },
  { "name": "robot", "key": "a-key-of-16-characters-or-more", "types": ["notification", "remote_session_*"] }
]
\`\`\`

A key is given as it is, or as its SHA-256 digest (\`printf %s "$KEY" | sha256sum\`), so that the file holds no secret. \`rooms\` and \`types\` list what the key may publish; a trailing
\`*\` makes a prefix. \`tenant\` is the tenant of the key: it may publish only into rooms of this tenant, \`*\` means everybody of this tenant (\`*:<tenant>\`), and while the tenant is over its budget, requests are refused before their body is read. \`scopes\` is \`["publish"]\` by default; \`read\` allows the routes of [presence](presence.md); \`erase\` allows to [erase events](erasure.md); \`members\` allows to [remove, add and sign out users](membership.md), in the key's \`rooms\`; \`admin\` is reserved for later routes. A plain key may publish everything.

SIGHUP makes a gateway that is not started from a terminal read these files again: \`MILLRACE_API_KEYS_FILE\`, \`MILLRACE_JWT_SECRET_FILE\`, \`MILLRACE_JWT_SECRETS_FILE\`, and the certificates and key for Redis (\`MILLRACE_REDIS_TLS_*_FILE\`), which new connections to Redis then use. Connections stay open. A wrong file changes nothing, and the log says why.
Long polling authenticates with every poll.
To change a token secret: add the new one to \`MILLRACE_JWT_SECRETS_FILE\` on all gateways, then let the backend sign with it, then remove the old one after the lifetime of its tokens.
`;

function defaultOf({ name, defaultText }: Setting): string {
  if (defaultText !== undefined) return defaultText;
  const value = (DEFAULTS as Readonly<Record<string, unknown>>)[name];
  if (typeof value === 'number') return value.toLocaleString('en');
  if (typeof value === 'boolean') return value ? '1' : '0';
  return Array.isArray(value) ? `\`${value.join(',')}\`` : `\`${String(value)}\``;
}

function row(setting: Setting): string {
  const { name, variable, kind, about } = setting;
  const marks = [
    ...(kind.isSecret ? ['*secret*'] : mayBeFile(kind) ? ['*file*'] : []),
    ...(stableSettings.has(name) ? ['*stable*'] : []),
  ];
  const mark = marks.length === 0 ? '' : ` (${marks.join(', ')})`;
  return `| \`${variable}\`${mark} | \`${name}\` | ${kind.rule} | ${defaultOf(setting)} | ${about} |`;
}

/** Sentences below the title of a group. */
const introductions: Readonly<Partial<Record<SettingGroup, string>>> = {
  Presence: '[presence.md](presence.md) explains it. All gateways of a deployment need the same values.',
  'Limits of one user':
    'Each gateway counts for itself, so a user who is connected to several gateways may have these limits at each of them. Nobody is signed in ' +
    'in development mode without `?user=`; then the limits are those of an address. [fairness.md](fairness.md) explains what is counted.',
};

/** The whole page. */
export function renderSettingsPage(): string {
  const groups = SETTING_GROUPS.map((group) => {
    const rows = SETTINGS.filter((setting) => setting.group === group).map(row);
    return [
      `\n## ${group}\n`,
      ...[introductions[group] ?? []].flat().map((text) => `${text}\n`),
      '| variable | option | allowed | default | effect |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return `${head}${groups.join('\n')}\n${apiKeys}`;
}
