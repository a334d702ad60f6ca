// The build that is replaced: an earlier commit, built in a folder of its own.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as client from '@millrace/client';
import type * as publisher from '@millrace/publisher';
import { buildEarlier } from '../../../scripts/earlier-build.mjs';

/** The oldest build with which the present one shares a Redis. */
const baseCommit = process.env['UPGRADE_BASE'] ?? '1966bb5';

/** A build on disk. Removed when it is disposed of. */
export interface Build extends AsyncDisposable {
  readonly name: string;
  /** The command-line program. */
  readonly cli: string;
  readonly publisher: typeof publisher;
  readonly client: typeof client;
}

/** Builds the base. */
export async function buildBase(): Promise<Build> {
  const { name, folder, cli, remove } = await buildEarlier(baseCommit);
  try {
    return {
      name,
      cli,
      publisher: (await load(folder, 'publisher')) as typeof publisher, // of the base: the parts that are used here are the same
      client: (await load(folder, 'client')) as typeof client, // likewise
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function load(folder: string, name: string): Promise<unknown> {
  return import(/* @vite-ignore */ pathToFileURL(join(folder, 'packages', name, 'dist/index.js')).href);
}
