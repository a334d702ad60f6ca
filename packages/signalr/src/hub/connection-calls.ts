/*
 * The running invocations of one client, and its streams in both directions. When the connection ends, all of them end.
 */
import { SignalRError } from '../errors.js';
import type { CallScope } from './call-scope.js';
import { type InvocationSlot, InvocationSlots } from './invocation-slots.js';
import { UploadStream } from './upload-stream.js';

/**
 * Maximum number of calls of one client that wait for their turn while the next message is read. More would let one client keep many
 * large messages in memory.
 */
const MAX_CALLS_READ_AHEAD = 16;

/** Limits for the calls of one client. */
export interface CallLimits {
  readonly maximumParallelInvocationsPerClient: number;
  readonly streamBufferCapacity: number;
  /** Maximum number of streams in each direction. ASP.NET Core has no such limit. */
  readonly maximumStreamsPerClient: number;
}

/** An upload (a stream from the client to a method), and the guard that checks each of its items. */
export interface Upload {
  readonly stream: UploadStream;
  readonly isItem: (item: unknown) => boolean;
}

/**
 * Keeps the slots for invocations, the running calls by invocation id, and the uploads by stream id. The number of slots
 * bounds the cancelable invocations. `maximumStreamsPerClient` bounds the streams, and also the uploads.
 */
export class ConnectionCalls {
  readonly slots: InvocationSlots;
  readonly limits: CallLimits;
  /** Running calls by their invocation id. Absent while no call runs, because most connections are idle most of the time. */
  #calls: Map<string, CallScope> | undefined;
  /**
   * Running calls whose id another call has. Created on first use, because clients choose unique ids. The slots bound it, as they
   * bound the running calls.
   */
  #repeated: Set<CallScope> | undefined;
  /** Created on first use, because most connections never upload. */
  #uploads: Map<string, Upload> | undefined;
  #streamCount = 0;
  #isRefreshWaiting = false;
  /** Number of calls that were read ahead. */
  #readAhead = 0;
  #whenRoomAhead: (() => void) | undefined;
  #isEnded = false;

  constructor(limits: CallLimits) {
    this.limits = limits;
    this.slots = new InvocationSlots(limits.maximumParallelInvocationsPerClient);
  }

  get isFullOfStreams(): boolean {
    return this.#streamCount >= this.limits.maximumStreamsPerClient;
  }

  /** True if calls wait that were read ahead. Every other message then waits behind them. */
  get hasReadAhead(): boolean {
    return this.#readAhead > 0;
  }

  /** Takes a slot for a call that is read ahead. */
  async takeSlotAhead(): Promise<InvocationSlot> {
    this.#readAhead += 1;
    const slot = await this.slots.take();
    this.#readAhead -= 1;
    this.#whenRoomAhead?.();
    this.#whenRoomAhead = undefined;
    return slot;
  }

  /** Returns a promise if nothing more may be read ahead. It resolves when one of the calls that were read ahead begins. */
  roomAhead(): Promise<void> | undefined {
    if (this.#readAhead < MAX_CALLS_READ_AHEAD) return undefined;
    return new Promise((resolve) => {
      this.#whenRoomAhead = resolve;
    });
  }

  /**
   * Takes a slot for the hook `onAuthenticationRefreshed`. The hook waits in the same queue as the client's invocations.
   * Resolves with undefined if an earlier refresh still waits for its slot.
   */
  async takeRefreshSlot(): Promise<InvocationSlot | undefined> {
    if (this.#isRefreshWaiting) return undefined;
    this.#isRefreshWaiting = true;
    const slot = await this.slots.take();
    this.#isRefreshWaiting = false;
    return slot;
  }

  /** Reserves the invocation id of a stream. Returns false if the id is in use. */
  beginStream(invocationId: string, scope: CallScope): boolean {
    if (this.#calls?.has(invocationId) === true) return false;
    this.#addCall(invocationId, scope);
    this.#streamCount += 1;
    if (this.#isEnded) scope.cancel();
    return true;
  }

  endStream(invocationId: string): void {
    this.#removeCall(invocationId);
    this.#streamCount -= 1;
  }

  /**
   * Makes a running invocation with an id cancelable. If another call already has this id, the client cancels that one, and the
   * end of the connection cancels both.
   */
  beginCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId === undefined) return;
    if (this.#calls?.has(invocationId) !== true) this.#addCall(invocationId, scope);
    else {
      this.#repeated ??= new Set();
      this.#repeated.add(scope);
    }
  }

  endCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId === undefined || this.#repeated?.delete(scope) === true) return;
    if (this.#calls?.get(invocationId) === scope) this.#removeCall(invocationId);
  }

  /**
   * Cancels a call. Returns false if no call has this id. That is not an error, because the client may cancel a call that the
   * server has just ended.
   */
  cancel(invocationId: string): boolean {
    const scope = this.#calls?.get(invocationId);
    scope?.cancel();
    return scope !== undefined;
  }

  /** Returns the first stream id that is already in use or occurs twice in the list. Returns undefined if all ids are free. */
  firstUsedUpload(streamIds: readonly string[]): string | undefined {
    return streamIds.find((id, index) => this.#uploads?.has(id) === true || streamIds.indexOf(id) !== index);
  }

  canBeginUploads(count: number): boolean {
    return (this.#uploads?.size ?? 0) + count <= this.limits.maximumStreamsPerClient;
  }

  beginUpload(streamId: string, isItem: Upload['isItem']): UploadStream {
    const stream = new UploadStream(this.limits.streamBufferCapacity);
    this.#uploads ??= new Map();
    this.#uploads.set(streamId, { stream, isItem });
    if (this.#isEnded) this.#endUpload(stream);
    return stream;
  }

  upload(streamId: string): Upload | undefined {
    return this.#uploads?.get(streamId);
  }

  /** Ends an upload, because the client has sent its last item or an error occurred. Returns false if there is no such upload. */
  completeUpload(streamId: string, error?: Error): boolean {
    const upload = this.#uploads?.get(streamId);
    upload?.stream.complete(error);
    return this.#uploads?.delete(streamId) ?? false;
  }

  /** Drops the unread items and all later items of an upload, because its method has ended. */
  abandonUpload(streamId: string, stream: UploadStream): void {
    stream.abandon();
    if (this.#uploads?.get(streamId)?.stream === stream) this.#uploads.delete(streamId);
  }

  /**
   * Cancels all calls, because the connection is ending. From now on, the read loop does not wait for methods to read their
   * uploads.
   */
  cancelAll(): void {
    this.#isEnded = true;
    for (const scope of this.#calls?.values() ?? []) scope.cancel();
    for (const scope of this.#repeated ?? []) scope.cancel();
    for (const { stream } of this.#uploads?.values() ?? []) stream.stopWaiting();
  }

  /** Ends all uploads and waits for the running invocations. Called when nothing more is read from the client. */
  async settle(): Promise<void> {
    this.cancelAll();
    for (const { stream } of this.#uploads?.values() ?? []) this.#endUpload(stream);
    await this.slots.idle();
  }

  #addCall(invocationId: string, scope: CallScope): void {
    this.#calls ??= new Map();
    this.#calls.set(invocationId, scope);
  }

  #removeCall(invocationId: string): void {
    this.#calls?.delete(invocationId);
    if (this.#calls?.size === 0) this.#calls = undefined;
  }

  #endUpload(stream: UploadStream): void {
    stream.complete(new SignalRError('disconnected', 'The underlying connection was closed.'));
  }
}
