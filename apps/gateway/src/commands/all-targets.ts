// Lets one handler receive the messages of all targets, as they were written. The official SignalR client drops messages whose target
// has no handler, and `millrace tail` does not know the event types of the gateway.

import { type HubMessage, JsonHubProtocol, MessageType } from '@microsoft/signalr';
import { itemTexts, memberTexts } from '@millrace/contract';

/** The target under which every message arrives. Its arguments are the message's own target, and the JSON text of its argument. */
export const ANY_TARGET = 'any';

const SEPARATOR = '\u001e';

/** The JSON protocol, except that every message from the gateway has the target {@link ANY_TARGET}. */
export class AllTargetsProtocol extends JsonHubProtocol {
  override parseMessages(...[input, logger]: Parameters<JsonHubProtocol['parseMessages']>): HubMessage[] {
    return input
      .split(SEPARATOR)
      .filter((text) => text !== '')
      .flatMap((text) =>
        super.parseMessages(text + SEPARATOR, logger).map((message) => {
          if (message.type !== MessageType.Invocation) return message;
          const [argument = 'null'] = itemTexts(memberTexts(text, ['arguments']).get('arguments') ?? '[]');
          return { ...message, target: ANY_TARGET, arguments: [message.target, argument] };
        }),
      );
  }
}
