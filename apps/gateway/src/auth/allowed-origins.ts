// Determines the web origins whose pages may connect to the hub.
import type { AllowedOrigins } from '@millrace/signalr';
import { isLoopbackName } from '../http/loopback.js';

/**
 * Returns the configured origins. Without any, returns every loopback origin in development mode, and `undefined` in normal
 * mode. `undefined` allows only the pages that this gateway itself serves.
 */
export function allowedOriginsOf(
  configured: readonly string[],
  isDevelopment: boolean,
): AllowedOrigins | undefined {
  if (configured.includes('*')) return '*';
  if (configured.length > 0) return configured;
  return isDevelopment ? isLoopbackOrigin : undefined;
}

function isLoopbackOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  return isLoopbackName(new URL(origin).hostname);
}
