/*
 * A backplane for several servers in one process.
 */
import type { HubBackplane } from './hub-backplane.js';

type Listener = (message: Uint8Array) => void;

/**
 * Creates a backplane that never loses a message. It delivers messages in microtasks, without copying or storing them. It
 * keeps only channels that have subscribers.
 * @beta
 */
export function createMemoryBackplane(): HubBackplane {
  const channels = new Map<string, Set<Listener>>();
  return {
    async subscribe(channel, onMessage) {
      // Each subscription gets a function of its own, so that the same listener can subscribe twice.
      const listener: Listener = (message) => onMessage(message);
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners.add(listener));
      return {
        async unsubscribe() {
          listeners.delete(listener);
          if (listeners.size === 0 && channels.get(channel) === listeners) channels.delete(channel);
        },
      };
    },
    async publish(channel, message) {
      await Promise.resolve();
      for (const listener of channels.get(channel) ?? []) listener(message);
    },
  };
}
