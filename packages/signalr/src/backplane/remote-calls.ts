/*
 * Calls to clients of other instances that wait for the client's result. To detect lost messages, each instance regularly
 * sends every peer a list of the calls between the two. The peer answers with the calls that it no longer has. Therefore
 * neither side waits forever.
 */
import { toError } from '@millrace/internal';
import type { HubConnection } from '../connection/hub-connection.js';
import { SignalRError } from '../errors.js';
import { type CompletionOutcome, MessageType } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import { malformed } from '../protocol/json-fields.js';
import type { SharedMessage } from '../protocol/serialized-hub-message.js';
import { AwaitedCalls } from './awaited-calls.js';
import { FAILURE_CODES, type MessageOf } from './backplane-message.js';
import type { BackplaneSender } from './backplane-sender.js';
import { unavailable } from './pending-queries.js';
import { ServedCalls } from './served-calls.js';

/** Maximum number of ids in one `check` message. */
const IDS_PER_CHECK = 1_000;

/** The messages about calls that `take` handles. */
type CallMessage = MessageOf<'completion' | 'cancel' | 'check' | 'missing'>;

/** The calls between one instance and its peers, for one hub, in both directions. */
export class RemoteCalls {
  readonly #sender: BackplaneSender;
  readonly #protocols: readonly HubProtocol[];
  readonly #awaited = new AwaitedCalls();
  readonly #served: ServedCalls;

  constructor(sender: BackplaneSender, protocols: readonly HubProtocol[]) {
    this.#sender = sender;
    this.#protocols = protocols;
    this.#served = new ServedCalls({
      onAnswered: ({ id, origin }, protocol, bytes) =>
        sender.sendTo(origin, { kind: 'completion', id, protocol, bytes }),
      onFailed: ({ id, origin }, error) => this.#sendFailure(origin, id, error),
    });
  }

  /**
   * Waits for the answer to a call of this instance. Rejects with the error that `fail` receives, or with `canceled` when the
   * signal is aborted. An aborted signal also asks the peer that has called the client to cancel.
   * @param onCanceled called when the signal is aborted
   */
  start(
    call: { readonly id: string; readonly connectionId: string },
    signal: AbortSignal | undefined,
    onCanceled: () => void,
  ): Promise<unknown> {
    return this.#awaited.start(call, signal, (owner) => {
      if (owner !== undefined) this.#sendCancel(owner, call.id);
      onCanceled();
    });
  }

  /** Records that a peer has called the client. */
  called(id: string, peer: string): void {
    // An unknown call has ended. Its caller may have canceled before this instance knew which peer has the client, so the
    // peer is told now.
    if (!this.#awaited.called(id, peer)) this.#sendCancel(peer, id);
  }

  /** Ends a call that this instance made, with an error instead of an answer. */
  fail(id: string, error: SignalRError): void {
    this.#awaited.fail(id, error);
  }

  /** Calls a client on behalf of a peer. If the client cannot be called, sends the failure to the peer and returns false. */
  serve(id: string, origin: string, connection: HubConnection, message: SharedMessage): boolean {
    try {
      this.#served.begin({ id, origin, connection }, message);
      return true;
    } catch (error) {
      this.#sendFailure(origin, id, toError(error));
      return false;
    }
  }

  /**
   * Handles a message about calls.
   * @throws SignalRError `malformed_message`
   */
  take(message: CallMessage): void {
    const { sender } = message;
    switch (message.kind) {
      case 'completion':
        if (this.#awaited.ownerOf(message.id) !== sender) return;
        return this.#awaited.answer(message.id, this.#readOutcome(message));
      case 'cancel':
        return this.#served.cancel(message.id, sender);
      case 'check': {
        const ids = message.ids.filter((id) => !this.#awaited.has(id) && !this.#served.has(id));
        if (ids.length > 0) this.#sender.sendTo(sender, { kind: 'missing', ids });
        return;
      }
      case 'missing':
        for (const id of message.ids) {
          this.#served.cancel(id, sender);
          if (this.#awaited.ownerOf(id) === sender)
            this.#awaited.fail(id, unavailable('The answer of the client was lost between the instances.'));
        }
    }
  }

  /**
   * Sends every peer the list of the calls between this instance and that peer. The peer answers with the calls that it no
   * longer has.
   */
  check(): void {
    const idsByPeer = new Map<string, string[]>();
    for (const pairs of [this.#awaited.pairs(), this.#served.pairs()]) {
      for (const [id, peer] of pairs) {
        const ids = idsByPeer.get(peer);
        if (ids === undefined) idsByPeer.set(peer, [id]);
        else ids.push(id);
      }
    }
    for (const [peer, ids] of idsByPeer) {
      for (let at = 0; at < ids.length; at += IDS_PER_CHECK)
        this.#sender.sendTo(peer, { kind: 'check', ids: ids.slice(at, at + IDS_PER_CHECK) });
    }
  }

  /**
   * Ends all calls with a peer that is gone. The clients of this peer will not answer, and the peer no longer waits for
   * answers.
   */
  peerGone(peer: string): void {
    this.#awaited.ownerGone(peer);
    this.#served.originGone(peer);
  }

  failAll(error: SignalRError): void {
    this.#awaited.failAll(error);
  }

  #readOutcome({ id, protocol, bytes }: MessageOf<'completion'>): CompletionOutcome {
    const parser = this.#protocols
      .find(({ name }) => name === protocol)
      ?.createParser(Number.MAX_SAFE_INTEGER);
    parser?.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const message = parser?.next();
    if (message?.type === MessageType.completion && message.invocationId === id) return message.outcome;
    throw malformed('The message is not a completion of the call.');
  }

  #sendCancel(peer: string, id: string): void {
    this.#sender.sendTo(peer, { kind: 'cancel', id });
  }

  #sendFailure(peer: string, id: string, error: Error): void {
    const code = FAILURE_CODES.find((known) => error instanceof SignalRError && known === error.code);
    this.#sender.sendTo(peer, {
      kind: 'failure',
      id,
      code: code ?? 'unserializable',
      text: error.message,
    });
  }
}
