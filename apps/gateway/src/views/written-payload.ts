// The texts of a payload for the messages of a view. Pure.
import { memberTexts, type ReceivedEvent } from '@millrace/contract';
import { JsonText } from '@millrace/signalr';
import type { WrittenPayload } from './view.js';

/** Returns the texts of an event's payload as they were written. */
export function writtenBy({
  received: { payloadText },
}: {
  readonly received: ReceivedEvent;
}): WrittenPayload {
  return {
    get payload() {
      return new JsonText(payloadText);
    },
    member(name) {
      const isObject = payloadText.trimStart().startsWith('{');
      return new JsonText((isObject ? memberTexts(payloadText, [name]).get(name) : undefined) ?? 'null');
    },
  };
}
