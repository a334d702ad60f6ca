// Delivery with the broker in memory, judged by the official SignalR client.
import { commonWays } from '../../fixtures/systems/delivery-system.js';
import { startEmbedded } from '../../fixtures/systems/embedded-gateway.js';
import { describeDelivery } from './delivery-promises.js';

describeDelivery(commonWays, startEmbedded);
