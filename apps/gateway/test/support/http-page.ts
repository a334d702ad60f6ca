// Writes docs/http.md from the OpenAPI document, which another test compares with the code.
import { readFileSync } from 'node:fs';
import { labelIn, stableRoutes } from './stability-labels.js';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description: string;
}
interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
  readonly security: readonly Readonly<Record<string, unknown>>[];
}
type Method = 'get' | 'post' | 'put' | 'delete';
type Path = { readonly [method in Method]?: Operation } & { readonly parameters?: readonly Parameter[] };

const head = `# HTTP routes

Every route of a gateway, except the [hubs](protocol.md). \`npm run docs:reference\` writes this page from [contract/openapi.json](contract/openapi.json), which a gateway also serves at \`/v1/openapi.json\`.
The bodies are in that document; how to read a room is explained in [protocol.md](protocol.md#7-reading-by-http).

A failure is a problem document (RFC 9457) with a stable \`code\`: [errors.md](errors.md). An API key or a token is sent as \`Authorization: Bearer …\`; where the table says so, a token may be the query
parameter \`access_token\`. In development mode, neither is needed. [stability.md](stability.md) says what the labels promise.

A method that a path does not have is answered with 405 (\`method_not_allowed\`), and the header \`Allow\` names the methods that it has; this is so for the routes of an application, too, except those
with wildcards or patterns. \`HEAD\` is answered as \`GET\`, without a body: it waits for no event, and opens no stream.

| route | does | label |
|---|---|---|
`;

const unlistedRoutes = [
  ['GET /healthz', '200 while the process runs'],
  [
    'GET /readyz',
    '200 when the gateway serves clients, 503 with the reasons otherwise; [operations.md](operations.md#ports) says on which port the reasons are shown',
  ],
  ['GET /metrics', '[metrics](metrics.md) for Prometheus'],
  ['GET /v1/openapi.json', 'the OpenAPI document of the catalog that this gateway serves'],
] as const;

const unlisted = `
## Health and metrics

| route | answer | label |
|---|---|---|
${unlistedRoutes.map(([route, answer]) => `| \`${route}\` | ${answer} | ${labelIn(stableRoutes, route)} |`).join('\n')}
`;

const methods: readonly Method[] = ['get', 'post', 'put', 'delete'];
const credentials: Readonly<Record<string, string>> = {
  apiKey: 'an API key',
  token: 'a user token in the header `Authorization`',
  tokenInQuery: 'a user token in the query parameter `access_token`',
};

function operationsOf(paths: Readonly<Record<string, Path>>) {
  return Object.entries(paths).flatMap(([route, path]) =>
    methods.flatMap((method) => {
      const operation = path[method];
      if (operation === undefined) return [];
      const parameters = [...(path.parameters ?? []), ...(operation.parameters ?? [])];
      return [{ title: `${method.toUpperCase()} ${route}`, operation, parameters }];
    }),
  );
}

type Described = ReturnType<typeof operationsOf>[number];

function section({ title, operation, parameters }: Described): string {
  const { summary, description, security, responses } = operation;
  const keys = security.flatMap((choice) => Object.keys(choice)).map((key) => credentials[key] ?? key);
  const table = [
    '| parameter | in | meaning |',
    '|---|---|---|',
    ...parameters.map(
      (parameter) => `| \`${parameter.name}\` | ${parameter.in} | ${parameter.description} |`,
    ),
    '',
  ];
  return [
    `\n## \`${title}\`\n`,
    `${summary}. ${description}\n`,
    `It needs ${keys.join(', or ')}.\n`,
    ...(parameters.length > 0 ? table : []),
    '| status | meaning |',
    '|---|---|',
    ...Object.entries(responses).map(([status, answer]) => `| ${status} | ${answer.description} |`),
  ].join('\n');
}

/** Identifier of a heading, as GitHub makes it: without punctuation, with hyphens. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');

/** The whole page. */
export function renderHttpPage(): string {
  const source = new URL('../../../../docs/contract/openapi.json', import.meta.url);
  const document: { readonly paths: Readonly<Record<string, Path>> } = JSON.parse(
    readFileSync(source, 'utf8'),
  );
  const operations = operationsOf(document.paths);
  const list = operations.map(
    ({ title, operation }) =>
      `| [\`${title}\`](#${anchorOf(title)}) | ${operation.summary} | ${labelIn(stableRoutes, title)} |`,
  );
  return `${head}${list.join('\n')}\n${operations.map(section).join('\n')}\n${unlisted}`;
}
