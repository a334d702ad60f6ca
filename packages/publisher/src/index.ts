// Public exports of @millrace/publisher.
export {
  type ConnectedPublisher,
  type ConnectPublisherOptions,
  connectPublisher,
} from './connect-publisher.js';
export { PUBLISHER_ERROR_CODES, PublisherError, type PublisherErrorCode } from './errors.js';
export type { PublisherObserver, PublisherOptions } from './options.js';
export type { PublishResult } from './publication.js';
export { createPublisher, type Publisher, type PublishRequest } from './publisher.js';
export type { PublishOptions } from './stamp.js';
