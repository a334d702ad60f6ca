/*
 * The script of a matrix page. It runs the features with the page's client library. Each page loads one version of the
 * library, as the globals `signalR` and `signalR.protocols.msgpack`.
 */
import type * as signalr from '@microsoft/signalr';
import type * as msgpack from '@microsoft/signalr-protocol-msgpack';
import type { FeatureName, Lane } from './cells.js';
import { tryFeature } from './features.js';

declare global {
  interface Window {
    readonly signalR: typeof signalr & { readonly protocols: { readonly msgpack: typeof msgpack } };
    tryCell(lane: Lane, feature: FeatureName): Promise<void>;
  }
}

window.tryCell = (lane, feature) => {
  const { signalR } = window;
  const createMessagePack = (): signalr.IHubProtocol =>
    new signalR.protocols.msgpack.MessagePackHubProtocol();
  return tryFeature({ name: 'Chromium', url: location.origin, signalR, createMessagePack }, lane, feature);
};
