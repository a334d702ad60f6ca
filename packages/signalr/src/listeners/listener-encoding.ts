/*
 * The form in which a listener receives messages. A listener has no hub protocol, because it only receives. Therefore the
 * application writes its messages.
 */
import { SignalRError } from '../errors.js';
import { MessageType } from '../protocol/hub-message.js';
import type { HubMessageParser, HubProtocol } from '../protocol/hub-protocol.js';
import { stringifyJson } from '../protocol/json-values.js';

/**
 * Writes the messages of a hub for listeners. Create one object for each kind of listener. A message to many listeners is
 * then written once for all listeners with this object. An empty text is not sent.
 * @beta
 */
export interface ListenerEncoding {
  /** The value of `context.protocol`, in lower case. It must differ from the names of hub protocols. */
  readonly name: string;
  /** Writes a call. @param args the arguments, each as JSON text */
  writeCall(target: string, args: readonly string[]): string;
  /** Writes a text that readers ignore. It is sent after `keepAliveIntervalMs` without another message. */
  writePing(): string;
  /** Writes the last text of a connection. @param mayReconnect false if the client should stay away for a while */
  writeClose(mayReconnect: boolean): string;
}

const protocols = new WeakMap<ListenerEncoding, HubProtocol>();

/**
 * Returns the protocol of an encoding. The same encoding always has the same protocol object, so that a message is written
 * once.
 */
export function protocolOf(encoding: ListenerEncoding): HubProtocol {
  const known = protocols.get(encoding);
  if (known !== undefined) return known;
  const protocol = createProtocol(encoding);
  protocols.set(encoding, protocol);
  return protocol;
}

/** A listener sends no bytes, so there is nothing to parse. */
const SILENT: HubMessageParser = { push() {}, next: () => undefined };

function createProtocol(encoding: ListenerEncoding): HubProtocol {
  return {
    name: encoding.name,
    transferFormat: 'text',
    leavesHeadroom: false,
    isVersionSupported: () => true,
    createParser: () => SILENT,
    write(message) {
      const { type } = message;
      if (type === MessageType.ping) return Buffer.from(encoding.writePing());
      if (type === MessageType.close)
        return Buffer.from(encoding.writeClose(message.allowReconnect === true));
      if (type === MessageType.invocation)
        return Buffer.from(encoding.writeCall(message.target, message.arguments.map(toJson)));
      throw new SignalRError('unserializable', 'A listener can only be sent calls.');
    },
  };
}

function toJson(value: unknown): string {
  return stringifyJson(value) ?? 'null';
}
