// `millrace check`: checks an application module and prints what a gateway would serve with it.
import { describeApplication } from '../application/describe-application.js';
import { loadApplication } from '../application/load-application.js';

/** Prints the description of the application. @throws GatewayError `invalid_configuration` */
export async function checkApplicationModule({ app }: { readonly app: string }): Promise<void> {
  console.log(describeApplication(await loadApplication(app)));
}
