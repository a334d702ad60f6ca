// What stands where something is still to come, or did not come.
import { Button, Loader } from '@mantine/core';
import { texts } from '../../src/texts.js';

/** That it is being opened; or that it failed, and a way to try again. */
export function Opening(props: { readonly hasFailed: boolean; readonly onRetry: () => void }) {
  const { hasFailed, onRetry } = props;
  if (hasFailed) {
    return (
      <>
        <p role="alert">{texts.signIn.failed}</p>
        <Button variant="default" size="sm" onClick={onRetry}>
          {texts.signIn.retry}
        </Button>
      </>
    );
  }
  return (
    <>
      <Loader size="sm" aria-hidden="true" />
      <p role="status">{texts.signIn.loading}</p>
    </>
  );
}
