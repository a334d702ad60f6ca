// Receives the events of a room with the official SignalR client. Run it with
// node receive.mjs
import { HubConnectionBuilder } from '@microsoft/signalr';

const connection = new HubConnectionBuilder()
  // Outside development mode a client sends a token: withUrl(url, { accessTokenFactory: () => token })
  .withUrl('http://localhost:4400/hubs/events')
  .build();
connection.on('order_shipped', ({ room_id, payload }) => console.log(room_id, payload));
await connection.start();
await connection.invoke('JoinRoom', 'order-7');
console.log('joined');
