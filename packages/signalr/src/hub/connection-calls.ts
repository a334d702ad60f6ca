/*
 * What one client has under way: running invocations, streams in both directions. Ended with the connection.
 */
import { SignalRError } from '../errors.js';
import type { CallScope } from './call-scope.js';
import { type InvocationSlot, InvocationSlots } from './invocation-slots.js';
import { UploadStream } from './upload-stream.js';

/** Bounds of what one client may have under way. */
export interface CallLimits {
  readonly maximumParallelInvocationsPerClient: number;
  readonly streamBufferCapacity: number;
  /** Streams of each direction; ASP.NET Core has no such bound. */
  readonly maximumStreamsPerClient: number;
}

/** One upload with the check of its items. */
export interface Upload {
  readonly stream: UploadStream;
  readonly isItem: (item: unknown) => boolean;
}

/**
 * Slots for invocations; streams by invocation id; uploads by stream id. Invocations that can be canceled are as
 * many as the slots allow, streams and uploads are bounded by their limit.
 */
export class ConnectionCalls {
  readonly slots: InvocationSlots;
  readonly limits: CallLimits;
  /** What runs, by its invocation id. */
  readonly #calls = new Map<string, CallScope>();
  readonly #uploads = new Map<string, Upload>();
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

  /** The turn of a refresh of credentials among the invocations. Undefined when an earlier one still waits for its own. */
  async takeRefreshSlot(): Promise<InvocationSlot | undefined> {
    if (this.#isRefreshWaiting) return undefined;
    this.#isRefreshWaiting = true;
    const slot = await this.slots.take();
    this.#isRefreshWaiting = false;
    return slot;
  }

  /** Takes the id of a stream. False when it is in use. */
  beginStream(invocationId: string, scope: CallScope): boolean {
    if (this.#calls.has(invocationId)) return false;
    this.#calls.set(invocationId, scope);
    this.#streamCount += 1;
    if (this.#isEnded) scope.cancel();
    return true;
  }

  endStream(invocationId: string): void {
    this.#calls.delete(invocationId);
    this.#streamCount -= 1;
  }

  /** Lets a running invocation be canceled by its id, unless something else has the id. */
  beginCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId !== undefined && !this.#calls.has(invocationId)) this.#calls.set(invocationId, scope);
  }

  endCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId !== undefined && this.#calls.get(invocationId) === scope)
      this.#calls.delete(invocationId);
  }

  /** False when nothing of that id runs (any more), which is no error: both sides may end at the same time. */
  cancel(invocationId: string): boolean {
    const scope = this.#calls.get(invocationId);
    scope?.cancel();
    return scope !== undefined;
  }

  /** The id of the streams that cannot be begun, or undefined when all can. */
  firstUsedUpload(streamIds: readonly string[]): string | undefined {
    return streamIds.find((id, index) => this.#uploads.has(id) || streamIds.indexOf(id) !== index);
  }

  canBeginUploads(count: number): boolean {
    return this.#uploads.size + count <= this.limits.maximumStreamsPerClient;
  }

  beginUpload(streamId: string, isItem: Upload['isItem']): UploadStream {
    const stream = new UploadStream(this.limits.streamBufferCapacity);
    this.#uploads.set(streamId, { stream, isItem });
    if (this.#isEnded) this.#endUpload(stream);
    return stream;
  }

  upload(streamId: string): Upload | undefined {
    return this.#uploads.get(streamId);
  }

  /** The client has sent the last item. False when there is no such stream (any more). */
  completeUpload(streamId: string, error?: Error): boolean {
    const upload = this.#uploads.get(streamId);
    upload?.stream.complete(error);
    return this.#uploads.delete(streamId);
  }

  /** The method has ended: whatever its streams still bring is dropped. */
  abandonUpload(streamId: string, stream: UploadStream): void {
    stream.abandon();
    if (this.#uploads.get(streamId)?.stream === stream) this.#uploads.delete(streamId);
  }

  /** The client is gone: calls are canceled, and the read loop no longer waits for those who read uploads. */
  cancelAll(): void {
    this.#isEnded = true;
    for (const scope of this.#calls.values()) scope.cancel();
    for (const { stream } of this.#uploads.values()) stream.stopWaiting();
  }

  /** Nothing more is read from the client: uploads end here, and invocations that run are awaited. */
  async settle(): Promise<void> {
    this.cancelAll();
    for (const { stream } of this.#uploads.values()) this.#endUpload(stream);
    await this.slots.idle();
  }

  #endUpload(stream: UploadStream): void {
    stream.complete(new SignalRError('disconnected', 'The underlying connection was closed.'));
  }
}
