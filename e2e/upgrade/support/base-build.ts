// Builds an earlier commit in a separate folder. The upgrade tests replace the gateways of this build.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as client from '@millrace/client';
import type * as publisher from '@millrace/publisher';
import { buildEarlier } from '../../../scripts/earlier-build.mjs';

/** The oldest build that can share a Redis with the current build. */
const baseCommit = process.env['UPGRADE_BASE'] ?? '1966bb5';

/** A build in a folder, which is removed when the build is disposed of. */
export interface Build extends AsyncDisposable {
  readonly name: string;
  /** The command-line program. */
  readonly cli: string;
  readonly publisher: typeof publisher;
  readonly client: typeof client;
}

/** Builds the earlier commit. */
export async function buildBase(): Promise<Build> {
  const { name, folder, cli, remove } = await buildEarlier(baseCommit);
  try {
    return {
      name,
      cli,
      publisher: (await load(folder, 'publisher')) as typeof publisher, // The cast is safe: both builds have this part of the API.
      client: (await load(folder, 'client')) as typeof client, // The cast is safe for the same reason.
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
