// Forwards what the page publishes to the gateway, as your backend would.
export default { server: { proxy: { '/v1/events': 'http://localhost:4400' } } };
