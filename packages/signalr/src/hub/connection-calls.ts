/*
 * The running invocations of one client, and its streams in both directions. When the connection ends, all of them end.
 */
import { SignalRError } from '../errors.js';
import type { CallScope } from './call-scope.js';
import { type InvocationSlot, InvocationSlots } from './invocation-slots.js';
import { UploadStream } from './upload-stream.js';

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
 * Keeps the slots for invocations, the running calls by invocation id, and the uploads by stream id. The slots bound the number of
 * cancelable invocations. `maximumStreamsPerClient` bounds the number of streams and the number of uploads.
 */
export class ConnectionCalls {
  readonly slots: InvocationSlots;
  readonly limits: CallLimits;
  /** Running calls by their invocation id. Absent while no call runs, because most connections are idle most of the time. */
  #calls: Map<string, CallScope> | undefined;
  /** Created on first use, because most connections never upload. */
  #uploads: Map<string, Upload> | undefined;
  #streamCount = 0;
  #isRefreshWaiting = false;
  #isEnded = false;

  constructor(limits: CallLimits) {
    this.limits = limits;
    this.slots = new InvocationSlots(limits.maximumParallelInvocationsPerClient);
  }

  get isFullOfStreams(): boolean {
    return this.#streamCount >= this.limits.maximumStreamsPerClient;
  }

  /**
   * Takes a slot for the hook `onAuthenticationRefreshed`, which waits in turn with the client's invocations. Resolves with
   * undefined if an earlier refresh is still waiting for its slot.
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

  /** Makes a running invocation cancelable by its id, unless another call already has this id. */
  beginCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId !== undefined && this.#calls?.has(invocationId) !== true)
      this.#addCall(invocationId, scope);
  }

  endCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId !== undefined && this.#calls?.get(invocationId) === scope)
      this.#removeCall(invocationId);
  }

  /**
   * Cancels a call. Returns false if no call has this id. A false result is not an error, because client and
   * server may end a call at the same time.
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
   * Cancels all calls, because the connection is ending. From now on the read loop does not wait until methods read their uploads.
   */
  cancelAll(): void {
    this.#isEnded = true;
    for (const scope of this.#calls?.values() ?? []) scope.cancel();
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
