// The texts of a payload for the messages of a view. Pure.
import { memberTexts, type ReceivedEvent } from '@millrace/contract';
import { JsonText } from '@millrace/signalr';
import type { WrittenPayload } from './view.js';

/** Wraps a text that is relayed. It was checked when its entry was read, or is a part of such a text. */
export function relayedText(text: string): JsonText {
  return new JsonText(text, { isTrusted: true });
}

/** Returns the texts of an event's payload as they were written. */
export function writtenBy({
  received: { payloadText },
}: {
  readonly received: ReceivedEvent;
}): WrittenPayload {
  return {
    get payload() {
      return relayedText(payloadText);
    },
    member(name) {
      const isObject = payloadText.trimStart().startsWith('{');
      return relayedText((isObject ? memberTexts(payloadText, [name]).get(name) : undefined) ?? 'null');
    },
  };
}
