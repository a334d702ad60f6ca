// docs/errors.md and the code name the same errors.
import { readFileSync } from 'node:fs';
import { BROKER_ERROR_CODES } from '@millrace/broker';
import { CLIENT_ERROR_CODES } from '@millrace/client';
import { CONTRACT_ERROR_CODES } from '@millrace/contract';
import { PUBLISHER_ERROR_CODES } from '@millrace/publisher';
import { SIGNALR_ERROR_CODES } from '@millrace/signalr';
import { expect, it } from 'vitest';
import { GATEWAY_ERROR_CODES } from '../src/errors.js';
import { problemTitles } from '../src/http/problem.js';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** Returns the codes in the table below a heading of the page. `firstCell` is the title of the table's first column. */
function tableOf(heading: string, firstCell: string): readonly string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const table = section.split(`| ${firstCell} |`)[1]?.split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code ?? '');
}

it.each([
  ['ContractError', Object.keys(CONTRACT_ERROR_CODES)],
  ['BrokerError', BROKER_ERROR_CODES],
  ['PublisherError', PUBLISHER_ERROR_CODES],
  ['ClientError', CLIENT_ERROR_CODES],
  ['SignalRError', SIGNALR_ERROR_CODES],
  ['GatewayError', GATEWAY_ERROR_CODES],
  ['HTTP problems', Object.keys(problemTitles)],
])('the page docs/errors.md lists every code of %s and no other code', (heading, codes) => {
  expect([...tableOf(heading, 'code')].sort()).toEqual([...codes].sort());
});
