// Delivery with the broker in memory, judged by the official SignalR client.

import { commonWays, startEmbedded } from '../../fixtures/systems/delivery-system.js';
import { describeDelivery } from './delivery-promises.js';

describeDelivery(commonWays, startEmbedded);
