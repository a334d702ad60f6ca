// Public exports of @millrace/publisher.
export {
  type ConnectedPublisher,
  type ConnectPublisherOptions,
  connectPublisher,
} from './connect-publisher.js';
export type { ErasureOptions, ErasureResult } from './erasure/eraser.js';
export type { ErasableEvent, ErasureSelection } from './erasure/selection.js';
export {
  describeStoreFailure,
  PUBLISHER_ERROR_CODES,
  PublisherError,
  type PublisherErrorCode,
} from './errors.js';
export type { LostRevocation, MembershipResult } from './membership.js';
export type { EntryIntake, PublisherObserver, PublisherOptions } from './options.js';
export type { PublishResult } from './publication.js';
export { createPublisher, type Publisher, type PublishRequest } from './publisher.js';
export type { PublishOptions } from './stamp.js';
