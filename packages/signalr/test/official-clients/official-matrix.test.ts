/*
 * The unmodified official clients in Node: every feature over every transport with every protocol.
 */
import * as signalR10 from '@microsoft/signalr';
import { MessagePackHubProtocol as MessagePack10 } from '@microsoft/signalr-protocol-msgpack';
import * as signalR8 from 'signalr-8';
import { MessagePackHubProtocol as MessagePack8 } from 'signalr-protocol-msgpack-8';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../support/host.js';
import { VERSIONS, type Version } from '../support/matrix/cells.js';
import { describeMatrix } from '../support/matrix/describe-matrix.js';
import { tryFeature } from '../support/matrix/features.js';
import type { Runtime } from '../support/matrix/lab.js';
import { startMatrixServer } from '../support/matrix/matrix-server.js';

const libraries: Readonly<Record<Version, Pick<Runtime, 'signalR' | 'createMessagePack'>>> = {
  '10.0.11': { signalR: signalR10, createMessagePack: () => new MessagePack10() },
  // The classes of both major versions have the same public members and different private members.
  '8.0.17': {
    signalR: signalR8 as unknown as Runtime['signalR'],
    createMessagePack: () => new MessagePack8(),
  },
};

let host: Host;

beforeAll(async () => {
  host = await startMatrixServer();
});

afterAll(() => host[Symbol.asyncDispose]());

test.each(VERSIONS)('the client library for version %s reports that version', (version) => {
  expect(libraries[version].signalR.VERSION).toBe(version);
});

describeMatrix('Node', ({ version, feature, ...lane }) =>
  tryFeature({ name: 'Node', url: host.url, ...libraries[version] }, lane, feature),
);
