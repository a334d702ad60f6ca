// The services to which the examples of READMEs connect: a Redis, and a gateway in development mode. Each starts on first use.
import { join } from 'node:path';
import { closeAll, freePort, Running } from './command.mjs';
import { InstalledApp } from './installed-app.mjs';

export class Services {
  #registry;
  #node;
  #redis;
  #gateway;
  #open = [];

  constructor(registry, node) {
    this.#registry = registry;
    this.#node = node;
  }

  /** Returns the addresses that replace those in an example. Starts what the example names. */
  async addressesFor(code) {
    if (code.includes('redis://')) this.#redis ??= await this.#startRedis();
    if (code.includes('http://localhost:4400')) this.#gateway ??= await this.#startGateway();
    return { redis: this.#redis, gateway: this.#gateway };
  }

  async #startRedis() {
    const port = await freePort();
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', '/'];
    const server = new Running('redis-server', options);
    this.#open.push(server);
    await server.printed(/Ready to accept connections/);
    return `redis://127.0.0.1:${port}`;
  }

  async #startGateway() {
    const app = await InstalledApp.create(this.#registry, this.#node);
    this.#open.push(app);
    await app.install('@millrace/gateway');
    const program = join(app.folder, 'node_modules/.bin/millrace');
    const gateway = app.start(program, ['serve'], { MILLRACE_DEV: '1', MILLRACE_PORT: '0' });
    this.#open.push(gateway);
    const [, url] = await gateway.printed(/"url":"(http:[^"]+)"/);
    return url;
  }

  /** Ends what was started, the last one first. */
  async close() {
    await closeAll(this.#open.toReversed());
  }
}
