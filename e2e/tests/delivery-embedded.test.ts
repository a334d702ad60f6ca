// Delivery with the broker in memory, judged by the official SignalR client.
import { describeDelivery } from '../fixtures/delivery-promises.js';
import { commonWays, startEmbedded } from '../fixtures/delivery-system.js';

describeDelivery(commonWays, startEmbedded);
